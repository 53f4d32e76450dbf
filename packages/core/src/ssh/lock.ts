import { randomBytes } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import type { ClientChannel } from 'ssh2'
import { errorMessage, UserError } from '../base/errors.ts'
import { formatDuration } from '../base/time.ts'
import type { Connection } from './connect.ts'
import { ConnectionLost } from './host.ts'
import { lockSource } from './lockloop.ts'
import { READ_ONLY, ReadOnlyKey } from './readonly.ts'

/** Who holds the lock, for those who wait. */
export interface Holder {
  /** Address of the run, or whatever leads to it. */
  run: string
  actor: string
  /** ISO 8601. */
  since: string
}

export interface LockOptions {
  /** The app's directory on the host; made when it is missing. */
  path: string
  holder: Holder
  /** How long to wait for another run. */
  timeoutMs: number
  /** Another run holds the lock; undefined when it did not say who it is. Called once. */
  onWait?: (holder: Holder | undefined) => void
  /** How often the client says that it is alive, in milliseconds. */
  beatMs?: number
  /** Silence after which the host gives the lock to others; whole seconds, in milliseconds. */
  silenceMs?: number
  /** See `LockSourceOptions`. */
  journal?: { begin: string; gone: string }
  onRelease?: string
}

/**
 * What keeps two runs apart. Use: `const lock = acquireLock(connection, ...)` right after `connect`,
 * then `connection.run(lock.untilHeld + script)` and await both that and `lock.held`: the script
 * waits on the host, so what it reads is read under the lock and costs no further round trip. Let
 * the failure of `held` come first: it says why. When it fails, close the connection.
 */
export interface Lock {
  /**
   * Resolves when this run holds the lock, with the line by which the last run before it began in the
   * journal (empty when none did); rejects with a `UserError` or `ConnectionLost`.
   */
  readonly held: Promise<string>
  /** Shell text: waits until this run holds the lock, or exits with 75 when it never will. */
  readonly untilHeld: string
  /** Aborted when the host ended the lock before it was released: another run may begin. */
  readonly lost: AbortSignal
  /** Adds a line, a JSON object, to the journal; also while a script runs, and without a round trip. */
  record(line: string): void
  /** Lets others in; the end of the connection does so as well. */
  release(): void
}

const UNTIL_HELD = `n=0
while [ ! -s "$SCRATCH/.lock" ]; do
  n=$((n + 1))
  if [ "$n" -lt 50 ]; then sleep 0.02; else sleep 0.5; fi
done
[ "$(cat "$SCRATCH/.lock")" = held ] || exit 75
`

/**
 * Takes the lock over a channel of its own, opened in the same flight as what follows. A process on
 * the host holds it and hears from us every few seconds. Without us it first ends the script that
 * runs on this connection, then frees the lock.
 */
export function acquireLock(connection: Connection, options: LockOptions): Lock {
  const { beatMs = 5000, silenceMs = 30_000, onRelease = ':' } = options
  const journal = options.journal ?? { begin: '{"event":"begin"}', gone: '{"event":"gone"}' }
  const marker = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')] as const
  const lost = new AbortController()
  const source = lockSource({
    marker,
    nonce: connection.nonce,
    path: options.path,
    holder: JSON.stringify({ ...options.holder, nonce: connection.nonce }),
    timeoutSeconds: Math.ceil(options.timeoutMs / 1000),
    silenceSeconds: Math.ceil(silenceMs / 1000),
    journal,
    onRelease
  })
  let channel: ClientChannel | undefined
  let released = false
  let beat: NodeJS.Timeout | undefined
  const release = () => {
    released = true
    clearInterval(beat)
    // 'x' gives the lock back; a mere end of input would also end the script that runs.
    if (channel?.writable) channel.end('x')
  }
  const record = (line: string) => {
    if (channel?.writable) channel.write(`n${line}\n`)
  }
  const held = new Promise<string>((resolve, reject) => {
    const refuse = (error: Error) => {
      release()
      reject(error)
    }
    let isHeld = false
    let last: Holder | undefined
    const hear = (word: string, rest: string) => {
      if (word === 'waiting') {
        last = parseHolder(rest)
        options.onWait?.(last)
      } else if (word === 'held') {
        isHeld = true
        resolve(rest)
      } else if (word === READ_ONLY) refuse(new ReadOnlyKey(connection.name, ''))
      else refuse(refusal(word, rest, connection.name, options, last))
    }
    connection.open(source).then(
      opened => {
        channel = opened
        const heard = listen(opened, marker.join(''), hear)
        opened.on('error', () => {})
        opened.on('close', () => {
          clearInterval(beat)
          if (isHeld && !released) lost.abort(new ConnectionLost('the host ended the lock'))
          reject(notStarted(connection.name, heard()))
        })
        beat = setInterval(() => opened.writable && opened.write('.'), beatMs).unref()
        if (released) release()
      },
      error => reject(noChannel(connection.name, error))
    )
  })
  // Who awaits a script first hears of it there; it must not end the process meanwhile.
  held.catch(() => {})
  return { held, untilHeld: UNTIL_HELD, lost: lost.signal, record, release }
}

/** Calls back for each line that begins with the marker; returns what else was said. */
function listen(
  channel: ClientChannel,
  marker: string,
  hear: (word: string, rest: string) => void
): () => string {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let other = ''
  channel.on('data', (chunk: Buffer) => {
    const lines = (pending + decoder.write(chunk)).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const [first, word = '', ...rest] = line.split(' ')
      if (first === marker) hear(word, rest.join(' '))
      else if (first === READ_ONLY) hear(first, '')
      else other = `${other}${line}\n`.slice(-2000)
    }
  })
  channel.stderr.on('data', (chunk: Buffer) => {
    other = (other + chunk.toString()).slice(-2000)
  })
  return () => other.trim()
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { run, actor, since } = JSON.parse(text) as Partial<Record<keyof Holder, unknown>>
    return { run: String(run), actor: String(actor), since: String(since) }
  } catch {
    return undefined
  }
}

function refusal(
  word: string,
  rest: string,
  host: string,
  { path, timeoutMs }: LockOptions,
  holder: Holder | undefined
): UserError {
  switch (word) {
    case 'timeout': {
      const who = holder ? `${holder.run} by ${holder.actor} since ${holder.since}` : 'another run'
      return new UserError(
        `${host}: ${who} still holds the lock of ${path} after ${formatDuration(timeoutMs)}; wait ` +
          `for it or cancel it, or raise the input 'lock-timeout'`
      )
    }
    case 'path': {
      const [user = '', ...said] = rest.split(' ')
      return new UserError(
        `${host}: ${path} is not writable for user '${user}' (${said.join(' ')}); make it once on ` +
          `the server: sudo install -d -o ${user} ${path}`
      )
    }
    case 'tools':
      return new UserError(
        `${host}: the command '${rest}' is missing; install it on the server: apt-get install ` +
          'util-linux coreutils (or apk add, dnf install)'
      )
    default:
      return new UserError(`${host}: the lock of ${path} failed: ${word} ${rest}`.trim())
  }
}

function noChannel(host: string, error: unknown): Error {
  const message = errorMessage(error)
  if (!/channel open failure: open failed/i.test(message)) return notStarted(host, message)
  return new UserError(
    `${host}: the host opens no second channel (${message}): set MaxSessions to 2 or more in its ` +
      'sshd_config'
  )
}

function notStarted(host: string, said: string): ConnectionLost {
  return new ConnectionLost(
    `${host}: connection lost while waiting for the lock${said === '' ? '' : `: ${errorMessage(said)}`}`
  )
}
