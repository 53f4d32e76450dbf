import { show } from './run.ts'

/** Format, lint and types. */
export async function check(): Promise<number> {
  // The types were checked by the bootstrap, which compiles before it starts us.
  return show('node', [
    'node_modules/@biomejs/biome/bin/biome',
    'check',
    '--error-on-warnings',
    '.'
  ])
}
