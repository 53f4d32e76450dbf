import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '@diveops/core/base/errors'
import { timed } from './timed.ts'

/** The server's address over the slow link; netdelay.c gives it. */
export const SERVER_ADDRESS = '10.66.0.2'

const OUR_ADDRESS = '10.66.0.1'
const DEVICE = 'netdelay0'
const SOURCE = path.resolve(import.meta.dirname, '../netdelay.c')
const PATIENCE_MS = 5000

/** Compiles netdelay into a folder and returns the program's path. */
export async function compileNetdelay(folder: string, signal: AbortSignal): Promise<string> {
  const program = path.join(folder, 'netdelay')
  const words = ['-O2', '-o', program, SOURCE, '-lpthread']
  const { code, output } = await timed('cc', words, { signal })
  if (code !== 0) throw new Error(`netdelay.c was not compiled:\n${output}`)
  return program
}

/** Refuses to go on where there is a link: its addresses are fixed, so there can be but one. */
export function refuseSecondLink(): void {
  if (!existsSync(`/sys/class/net/${DEVICE}`)) return
  throw new UserError(`there is a network device ${DEVICE} already: another run of this benchmark?`)
}

/**
 * Runs the body while a link of the given round trip leads from this machine to the network
 * namespace of a process, and takes it down again however the body ends. The body gets the time
 * that a TCP connection over the link takes, in ms.
 */
export async function withLink<T>(
  program: string,
  pid: number,
  rttMs: number,
  body: (connectMs: number) => Promise<T>
): Promise<T> {
  refuseSecondLink()
  // The device ends with its process, and its process with ours, even when ours is killed.
  const words = ['--pdeathsig', 'TERM', program, String(pid), String(rttMs), '0']
  const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const closed = new Promise<void>(resolve => {
    child.on('error', error => {
      said += error.message
      resolve()
    })
    child.on('close', () => resolve())
  })
  try {
    await untilUp(child, () => said)
    await useCubic()
    return await body(await connectTime())
  } finally {
    child.kill('SIGTERM')
    await closed
    await untilGone()
  }
}

/** Nothing may be sent before the address is there: it would leave by the default route. */
async function untilUp(child: ChildProcess, said: () => string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (!networkInterfaces()[DEVICE]?.some(({ address }) => address === OUR_ADDRESS)) {
    if (child.pid === undefined || child.exitCode !== null || performance.now() > until) {
      throw new Error(`the slow link did not come up: ${said().trim() || 'no reason given'}`)
    }
    await sleep(10)
  }
}

/**
 * As runners and servers have it by default. BBR, where a machine has that, spreads a few kilobytes
 * over a good part of a round trip, and those would be counted. Without cubic all stays as it is.
 */
async function useCubic(): Promise<void> {
  const route = ['10.66.0.0/24', 'dev', DEVICE, 'scope', 'link', 'src', OUR_ADDRESS]
  const { signal } = new AbortController()
  await timed('ip', ['route', 'replace', ...route, 'proto', 'kernel', 'congctl', 'cubic'], {
    signal
  })
}

async function untilGone(): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (existsSync(`/sys/class/net/${DEVICE}`)) {
    if (performance.now() > until) throw new Error(`the network device ${DEVICE} did not go away`)
    await sleep(10)
  }
}

function connectTime(): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const socket = connect({ host: SERVER_ADDRESS, port: 22, timeout: PATIENCE_MS })
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(new Error('nothing answers over the slow link')))
    socket.once('connect', () => {
      const ms = performance.now() - began
      socket.destroy()
      resolve(ms)
    })
  })
}
