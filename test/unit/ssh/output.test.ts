import { expect, test } from '@jest/globals'
import { Demux, Output } from '../../../packages/core/src/ssh/output.ts'

const MARKER = 'feedfacefeedface'

/** Everything a demux hands on, when its stream comes in chunks of `size` bytes. */
function demuxed(stream: Buffer, size: number, seqs: number[]) {
  const demux = new Demux(MARKER)
  const got: [string, number][] = []
  for (const seq of seqs) {
    const chunks: Buffer[] = []
    const end = (code: number) => got.push([Buffer.concat(chunks).toString('latin1'), code])
    demux.expect(seq, { write: chunk => chunks.push(Buffer.from(chunk)), end })
  }
  for (let at = 0; at < stream.length; at += size) demux.push(stream.subarray(at, at + size))
  return got
}

test('runs are told apart wherever the stream is cut', () => {
  const stream = Buffer.from(`one\n${MARKER} 1 0\n${MARKER} 2 3\nfeedfacefeed ${MARKER} 3 255\n`)
  const expected = [
    ['one\n', 0],
    ['', 3],
    ['feedfacefeed ', 255]
  ]
  for (let size = 1; size <= stream.length; size++) {
    expect(demuxed(stream, size, [1, 2, 3])).toEqual(expected)
  }
})

test('binary output without a final newline is handed on byte for byte', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const stream = Buffer.concat([bytes, Buffer.from(`${MARKER} 1 0\n`)])
  expect(demuxed(stream, 7, [1])).toEqual([[bytes.toString('latin1'), 0]])
})

test('what comes before a run is expected, or under another number, is nobody’s', () => {
  const demux = new Demux(MARKER)
  const text: string[] = []
  demux.push(Buffer.from('stray '))
  demux.expect(5, {
    write: chunk => text.push(chunk.toString()),
    end: code => text.push(`${code}`)
  })
  demux.push(Buffer.from(`${MARKER} 4 1\nmine${MARKER} 5 0\n`))
  expect(text).toEqual(['mine', '0'])
})

test('a character split across chunks stays whole, in text and in lines', () => {
  const lines: string[] = []
  const output = new Output(line => lines.push(line))
  for (const byte of Buffer.from('café\r\nnaïve €\nend')) output.write(Buffer.from([byte]))
  expect(output.end()).toBe('café\r\nnaïve €\nend')
  expect(lines).toEqual(['café', 'naïve €', 'end'])
})

test('too much output keeps its head and its tail and says what is missing', () => {
  const output = new Output(undefined, 20)
  for (const part of ['0123456789', 'x'.repeat(1000), 'abc', 'defghij']) {
    output.write(Buffer.from(part))
  }
  expect(output.end()).toBe('0123456789\n[1000 characters left out]\nabcdefghij')
})

test('output just within the limit is complete', () => {
  const output = new Output(undefined, 20)
  output.write(Buffer.from('01234567890123456789'))
  expect(output.end()).toBe('01234567890123456789')
})

test('a line without an end is handed on in pieces', () => {
  const lines: string[] = []
  const output = new Output(line => lines.push(line))
  for (let i = 0; i < 100; i++) output.write(Buffer.alloc(4096, 'x'))
  output.end()
  expect(lines.length).toBeGreaterThan(3)
  expect(lines.join('')).toHaveLength(409_600)
})
