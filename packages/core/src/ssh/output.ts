import { StringDecoder } from 'node:string_decoder'

/** Characters of one run's stream that are kept; beyond it the middle is left out. */
export const KEPT = 16 * 1024 * 1024
/** A line that never ends is handed on in pieces of this many characters. */
const LONGEST_LINE = 64 * 1024

/** One stream of a run: text for the result, lines for whoever watches. */
export class Output {
  readonly #decoder = new StringDecoder('utf8')
  readonly #kept: number
  readonly #onLine: ((line: string) => void) | undefined
  #head = ''
  #tail: string[] = []
  #tailLength = 0
  #leftOut = 0
  #line = ''

  constructor(onLine?: (line: string) => void, kept: number = KEPT) {
    this.#onLine = onLine
    this.#kept = kept
  }

  /** Takes the next bytes of the stream, wherever they were cut. */
  write(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk))
  }

  /** The stream is complete: its text, with a note in place of a middle that was too much. */
  end(): string {
    this.#take(this.#decoder.end())
    if (this.#line !== '') this.#onLine?.(withoutReturn(this.#line))
    this.#line = ''
    const note = this.#leftOut > 0 ? `\n[${this.#leftOut} characters left out]\n` : ''
    return this.#head + note + this.#tail.join('')
  }

  #take(text: string): void {
    if (text === '') return
    this.#keep(text)
    if (this.#onLine === undefined) return
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.#onLine(withoutReturn(line))
    if (this.#line.length > LONGEST_LINE) {
      this.#onLine(this.#line)
      this.#line = ''
    }
  }

  #keep(text: string): void {
    const half = Math.floor(this.#kept / 2)
    const room = half - this.#head.length
    this.#head += text.slice(0, room)
    if (text.length <= room) return
    this.#tail.push(text.slice(room))
    this.#tailLength += text.length - room
    while (this.#tailLength > half) {
      const first = this.#tail[0] as string
      const excess = Math.min(first.length, this.#tailLength - half)
      if (excess === first.length) this.#tail.shift()
      else this.#tail[0] = first.slice(excess)
      this.#tailLength -= excess
      this.#leftOut += excess
    }
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

/** Who takes a run's part of a stream. */
export interface Sink {
  write(chunk: Buffer): void
  /** The marker came: the run is over on this stream. */
  end(code: number): void
}

/**
 * Cuts one stream of a loop into runs: everything up to the marker, then `SEQ CODE` on the rest of
 * its line. What comes while no run is expected belongs to nobody and is dropped.
 */
export class Demux {
  readonly #marker: Buffer
  readonly #sinks: { seq: number; sink: Sink }[] = []
  #pending: Buffer = Buffer.alloc(0)

  constructor(marker: string) {
    this.#marker = Buffer.from(marker)
  }

  expect(seq: number, sink: Sink): void {
    this.#sinks.push({ seq, sink })
  }

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    for (;;) {
      const at = this.#pending.indexOf(this.#marker)
      if (at < 0) {
        this.#hand(partial(this.#pending, this.#marker))
        return
      }
      this.#hand(at)
      const end = this.#pending.indexOf(0x0a)
      if (end < 0) return
      const [, seq, code] = this.#pending.toString('utf8', 0, end).split(' ')
      this.#pending = this.#pending.subarray(end + 1)
      if (this.#sinks[0]?.seq === Number(seq)) this.#sinks.shift()?.sink.end(Number(code))
    }
  }

  #hand(length: number): void {
    if (length === 0) return
    this.#sinks[0]?.sink.write(this.#pending.subarray(0, length))
    this.#pending = this.#pending.subarray(length)
  }
}

/** Where at the end of the data a marker may have begun; its length when none has. */
function partial(data: Buffer, marker: Buffer): number {
  const first = Math.max(0, data.length - marker.length + 1)
  for (let at = first; at < data.length; at++) {
    if (marker.subarray(0, data.length - at).equals(data.subarray(at))) return at
  }
  return data.length
}
