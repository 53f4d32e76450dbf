import { randomBytes } from 'node:crypto'
import type { Client, ClientChannel } from 'ssh2'
import { errorMessage, UserError } from '../base/errors.ts'
import { type Clock, formatDuration } from '../base/time.ts'
import { openShell } from './channel.ts'
import { ConnectionLost, type Result, type RunOptions } from './host.ts'
import { loopSource } from './loop.ts'
import { Demux, Output } from './output.ts'
import { isReadOnlyAnswer, ReadOnlyKey, readOnlyAnswer } from './readonly.ts'

export interface SessionOptions {
  /** `user@name:port`, for messages. */
  name: string
  /** Names the scratch directory; hex that nobody can guess. */
  nonce: string
  clock: Clock
  /** How long the host may take to start the loop. */
  startTimeoutMs: number
}

interface Run {
  seq: number
  script: string
  options: RunOptions
  began: number
  result: Partial<Result>
  resolve(result: Result): void
  reject(error: unknown): void
}

/** How long the host has to take the last bytes when a session is closed. */
const CLOSING_MS = 1000

/**
 * Scripts on one channel of a connection, one after the other, a round trip each. The first may be
 * given at once: it travels with the request that starts the loop.
 */
export class Session {
  readonly #options: SessionOptions
  readonly #stdout: Demux
  readonly #stderr: Demux
  readonly #waiting: Run[] = []
  #channel: ClientChannel | undefined
  #running: Run | undefined
  #last = 0
  #started = false
  #greeting = ''
  /** All that came in place of the loop's first word: a key may have an answer of its own. */
  readonly #instead = new Output()
  #ended: Error | undefined

  constructor(client: Client, options: SessionOptions) {
    this.#options = options
    const marker = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')] as const
    this.#stdout = new Demux(marker.join(''))
    this.#stderr = new Demux(marker.join(''))
    this.#expectStart()
    openShell(client, loopSource({ marker, nonce: options.nonce })).then(
      channel => this.#attach(channel),
      error => this.#end(`the host opened no channel: ${errorMessage(error)}`)
    )
  }

  /** See `Host.run`. */
  run(script: string, options: RunOptions = {}): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      options.signal?.throwIfAborted()
      this.#last += 1
      const began = this.#options.clock.now()
      this.#waiting.push({
        seq: this.#last,
        script,
        options,
        began,
        result: {},
        resolve,
        reject
      })
      this.#next()
    })
  }

  /** The connection is gone, for this reason: whatever runs or waits is told. */
  lost(reason: string): void {
    this.#ended ??= new ConnectionLost(reason)
    this.#next()
  }

  /** Ends the loop, which removes the scratch directory; resolves when the request is on its way. */
  async close(): Promise<void> {
    const channel = this.#channel
    this.lost('the connection was closed')
    if (channel === undefined || channel.writableEnded) return
    await Promise.race([
      new Promise<void>(done => channel.end(done)),
      new Promise<void>(done => setTimeout(done, CLOSING_MS).unref())
    ])
  }

  #attach(channel: ClientChannel): void {
    this.#channel = channel
    let code: number | null | undefined
    channel.on('data', (chunk: Buffer) => this.#stdout.push(chunk))
    channel.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk))
    channel.on('exit', (exit: number | null) => {
      code = exit
    })
    channel.on('error', (error: Error) => this.#end(errorMessage(error)))
    channel.on('close', () =>
      // Without an exit code the connection broke, and whoever holds it knows why.
      setImmediate(() =>
        this.#end(
          code === undefined ? 'the host closed the channel' : 'the shell on the host ended'
        )
      )
    )
    const late = setTimeout(() => {
      const limit = formatDuration(this.#options.startTimeoutMs)
      // A key that may only read answers in its own time, which the host limits.
      if (this.#started || isReadOnlyAnswer(this.#greeting)) return
      this.#end(`no answer within ${limit}`)
    }, this.#options.startTimeoutMs)
    late.unref()
    channel.on('close', () => clearTimeout(late))
    this.#next()
  }

  /** Run 0 is the start of the loop; what comes before is the login shell's. */
  #expectStart(): void {
    const heard = (chunk: Buffer) => {
      this.#greeting = (this.#greeting + chunk.toString()).slice(0, 2000)
    }
    this.#stderr.expect(0, { write: heard, end: () => {} })
    this.#stdout.expect(0, {
      write: chunk => {
        heard(chunk)
        this.#instead.write(chunk)
      },
      end: code => {
        if (code === 0) this.#started = true
        else this.#end(this.#greeting)
      }
    })
  }

  /** The loop has ended, or never began, on a connection that may still be there. */
  #end(reason: string): void {
    if (this.#started) this.lost(reason)
    else {
      this.#ended ??= this.#notStarted(reason)
      this.#next()
    }
  }

  #notStarted(reason: string): Error {
    const answer = readOnlyAnswer(this.#instead.end())
    if (answer !== undefined) return new ReadOnlyKey(this.#options.name, answer)
    const said = this.#greeting.trim()
    const details = said === '' ? [] : said.split('\n')
    const why = details.length > 0 ? `it said '${errorMessage(said)}'` : reason
    return new UserError(
      `${this.#options.name}: the account does not run a POSIX shell for us: ${why}; it needs a ` +
        'login shell such as /bin/sh and no forced command that stands in its place'
    )
  }

  #next(): void {
    if (this.#ended) {
      this.#running?.reject(this.#failure(this.#running, true))
      this.#running = undefined
      for (const run of this.#waiting.splice(0)) run.reject(this.#failure(run, false))
      return
    }
    if (this.#channel === undefined || this.#running !== undefined) return
    const run = this.#waiting.shift()
    if (run === undefined) return
    if (run.options.signal?.aborted) {
      run.reject(run.options.signal.reason)
      this.#next()
      return
    }
    this.#running = run
    run.began = this.#options.clock.now()
    this.#send(run, this.#channel)
  }

  #send(run: Run, channel: ClientChannel): void {
    const { onLine, signal } = run.options
    const stop = () => channel.write(`stop ${run.seq} 0 0\n`)
    const listen = (demux: Demux, name: 'stdout' | 'stderr') => {
      const output = new Output(onLine && (line => onLine(line, name)))
      demux.expect(run.seq, {
        write: chunk => output.write(chunk),
        end: code => {
          run.result = { ...run.result, code, [name]: output.end() }
          const { stdout, stderr } = run.result
          if (stdout === undefined || stderr === undefined) return
          signal?.removeEventListener('abort', stop)
          this.#running = undefined
          if (signal?.aborted) run.reject(signal.reason)
          else run.resolve({ code, stdout, stderr })
          this.#next()
        }
      })
    }
    listen(this.#stdout, 'stdout')
    listen(this.#stderr, 'stderr')
    const script = Buffer.from(`${run.script}\n`)
    const stdin = Buffer.from(run.options.stdin ?? '')
    const head = `run ${run.seq} ${script.length} ${stdin.length}\n`
    channel.write(Buffer.concat([Buffer.from(head), script, Buffer.from('end\n')]))
    if (stdin.length > 0) {
      channel.write(stdin)
      channel.write('end\n')
    }
    signal?.addEventListener('abort', stop, { once: true })
  }

  #failure(run: Run, sent: boolean): Error {
    const error = this.#ended as Error
    if (!(error instanceof ConnectionLost)) return error
    const { name, clock } = this.#options
    const { what: told } = run.options
    const step = typeof told === 'function' ? told() : told
    const what = step === undefined ? 'a script' : `'${step}'`
    return new ConnectionLost(
      sent
        ? `${name}: connection lost while ${what} ran (after ` +
            `${formatDuration(clock.now() - run.began)}): ${error.message}; what it did on the host ` +
            'is unknown until it is read'
        : `${name}: connection lost before ${what} ran: ${error.message}`
    )
  }
}
