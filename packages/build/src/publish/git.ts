import { execFile } from 'node:child_process'

/** How git ended: with `code` null when it was ended for taking too long. */
export interface GitResult {
  code: number | null
  stdout: string
  stderr: string
}

/** No remote that answers at all needs longer. */
const TIMEOUT_MS = 120_000

/** Runs git in a folder and returns how it ended. It never asks anybody for a password. */
export function tryGit(
  folder: string,
  words: readonly string[],
  env: Record<string, string> = {}
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      words,
      { cwd: folder, env: { ...environment(), ...env }, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') reject(new Error("'git' is not installed: install git"))
        else resolve({ code: error ? exitCode(error.code) : 0, stdout, stderr })
      }
    )
  })
}

/** Runs git, which must succeed, and returns its output without the last newline. */
export async function git(
  folder: string,
  words: readonly string[],
  env: Record<string, string> = {}
): Promise<string> {
  const result = await tryGit(folder, words, env)
  if (result.code !== 0) throw new Error(`git ${words[0]} failed: ${gitError(result)}`)
  return result.stdout.trimEnd()
}

/** What in git's output says best why it failed, the best first. */
const REASONS = [
  /^(fatal|remote: (error|fatal)): /,
  // Of an atomic push that fails, this is said of every reference; only one has another reason.
  /^ ! \[(?!.*\(atomic push fail)/,
  /^error: /
]

/** The line in which git says why it failed, without credentials that are part of a URL. */
export function gitError({ code, stderr }: GitResult): string {
  if (code === null) return `no answer within ${TIMEOUT_MS / 1000} s`
  const lines = stderr.split('\n').filter(line => line.trim() !== '')
  const best = REASONS.map(reason => lines.find(line => reason.test(line))).find(Boolean)
  return withoutCredentials(best ?? lines.at(-1) ?? `exit code ${code}`).trim()
}

/** A URL, or a text with some in it, without user names and passwords. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^/@\s']+@/g, '')
}

function exitCode(code: string | number | null | undefined): number | null {
  return typeof code === 'number' ? code : null
}

/** Ours, without what git sets for its hooks: it would send us to another repository. */
function environment(): Record<string, string | undefined> {
  const places = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY']
  const env: Record<string, string | undefined> = { ...process.env }
  for (const name of places) delete env[name]
  return {
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    ...env,
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C'
  }
}
