import { errorMessage, UserError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { type Clock, formatDuration } from '../base/time.ts'
import type { Connection } from './connect.ts'
import { ConnectError } from './dial.ts'
import { ConnectionLost, type Result, type RunOptions } from './host.ts'
import { acquireLock, type Lock, type LockOptions } from './lock.ts'

/** A script, or what makes it anew for each try, knowing what the tries before have heard. */
export type Script = string | (() => string)

export interface SteadyOptions {
  connect: () => Promise<Connection>
  clock: Clock
  log: Log
  /** How long a host may be out of reach after a connection broke, in milliseconds. */
  patienceMs: number
}

/** What a lock of a steady host needs beside what every lock does. */
export interface SteadyLock extends LockOptions {
  /** The same when the lock is taken again after the connection broke. */
  again: LockOptions
  /** Judges the line by which the last run began before the lock was taken again; may throw. */
  onAgain: (last: string) => void
}

/** Pauses between two tries to connect. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

/**
 * A host that is connected to anew when the connection breaks, with its lock taken again and what
 * was brought unpacked again. Every script must be safe to run once more: it may have run in part.
 * What must not run twice is a job, which a script asks after.
 */
export class SteadyHost {
  readonly name: string
  readonly #options: SteadyOptions
  #connection: Connection
  #lockOptions: SteadyLock | undefined
  #lock: Lock | undefined
  #isHeld = false
  /** Whether it was ever held: until then nothing was done that another run could have put right. */
  #wasHeld = false
  #cargo: Buffer | undefined
  #gone: ConnectionLost | undefined

  constructor(connection: Connection, options: SteadyOptions) {
    this.name = connection.name
    this.#connection = connection
    this.#options = options
  }

  /** Begins to take the lock; the next script waits for it on the host. */
  takeLock(options: SteadyLock): void {
    this.#lockOptions = options
    this.#lock = acquireLock(this.#connection, options)
  }

  /**
   * Resolves when the lock is held, at once when there is none; never when it was not to be had on this
   * connection: the script that waits for it says why, or waits on the next one.
   */
  async locked(): Promise<void> {
    await this.#lock?.held.catch(() => new Promise<never>(() => {}))
  }

  /**
   * Runs a script under the lock, when there is one; see `Host.run`. Rejects with `ConnectionLost`
   * only when the host could not be reached again in time. With `cargo`, standard input is a gzipped
   * tar that the script unpacks into `$SCRATCH`: a new connection brings it along.
   */
  async run(script: Script, options: RunOptions & { cargo?: boolean } = {}): Promise<Result> {
    if (options.cargo && options.stdin !== undefined) this.#cargo = Buffer.from(options.stdin)
    for (;;) {
      if (this.#gone) throw this.#gone
      try {
        return await this.#runOnce(typeof script === 'string' ? script : script(), options)
      } catch (error) {
        // What still ran when the connection was ended here is not asked after any more.
        if (!(error instanceof ConnectionLost) || this.#gone) throw error
        await this.#connectAgain(error, options.signal)
      }
    }
  }

  /** Adds a line to the journal of the locked app, also while a script runs. */
  record(line: string): void {
    this.#lock?.record(line)
  }

  /** Gives the lock back and ends the connection. */
  async close(): Promise<void> {
    if (this.#gone) return
    this.#gone = new ConnectionLost('the connection was closed')
    this.#lock?.release()
    await this.#connection.close()
  }

  /** Ends the connection as if it broke: the host ends what runs on it, then frees the lock. */
  async leave(): Promise<void> {
    if (this.#gone) return
    this.#gone = new ConnectionLost('the connection was left')
    await this.#connection.close()
  }

  async #runOnce(script: string, options: RunOptions): Promise<Result> {
    const lock = this.#lock
    const signals = [options.signal, lock?.lost].filter(one => one !== undefined)
    const wait = lock && !this.#isHeld ? lock.untilHeld : ''
    const running = this.#connection.run(wait + script, {
      ...options,
      ...(signals.length > 0 && { signal: AbortSignal.any(signals) })
    })
    if (lock && !this.#isHeld) {
      // Why there is no lock says more than the script that waited for it in vain.
      running.catch(() => {})
      await Promise.race([lock.held, aborted(options.signal)])
      this.#isHeld = true
      this.#wasHeld = true
    }
    return await running
  }

  async #connectAgain(cause: ConnectionLost, signal: AbortSignal | undefined): Promise<void> {
    const { clock, log, patienceMs } = this.#options
    log.warning(`${cause.message}; connecting again`)
    const until = clock.now() + patienceMs
    let why: unknown = cause
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted()
      if (this.#gone) throw this.#gone
      try {
        await this.#renew()
        log.info('connected again')
        return
      } catch (error) {
        if (!mayPass(error)) throw error
        why = error
      }
      if (clock.now() + pause > until) break
      await Promise.race([clock.sleep(pause), aborted(signal)])
    }
    this.#gone = new ConnectionLost(
      `${cause.message}; it could not be reached again within ${formatDuration(patienceMs)}: ` +
        errorMessage(why)
    )
    throw this.#gone
  }

  async #renew(): Promise<void> {
    await this.#connection.close()
    this.#isHeld = false
    this.#lock = undefined
    this.#connection = await this.#options.connect()
    if (this.#gone) {
      await this.#connection.close()
      throw this.#gone
    }
    const options = this.#lockOptions
    if (options) {
      const wasHeld = this.#wasHeld
      this.#lock = acquireLock(this.#connection, wasHeld ? options.again : options)
      // Also without cargo: the lock is held before anything else is asked.
      await this.#runOnce(':', { what: 'lock' })
      const last = await (this.#lock as Lock).held
      if (wasHeld) options.onAgain(last)
    }
    if (this.#cargo === undefined) return
    const { code } = await this.#runOnce('tar -xzf - -C "$SCRATCH"', { stdin: this.#cargo })
    if (code !== 0) throw new UserError(`${this.name}: what was brought could not be unpacked`)
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof ConnectionLost || (error instanceof ConnectError && error.passing)
}

/** Rejects when a signal is aborted; never resolves. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
