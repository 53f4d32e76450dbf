import { spawnSync } from 'node:child_process'
import { root } from './paths.ts'

/** Runs a program in the repository with its output shown and returns its exit code. */
export function show(command: string, words: readonly string[]): number {
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  return status ?? 1
}
