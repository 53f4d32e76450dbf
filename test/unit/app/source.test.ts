import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readSource } from '../../../packages/core/src/app/source.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'source-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a compose file of another name is named', async () => {
  for (const name of ['docker-compose.yml', 'compose.dev.yaml', 'recomposed.yml']) {
    await writeFile(path.join(folder, name), '')
  }
  await expect(readSource(folder, undefined)).rejects.toThrow(
    "compose file 'docker-compose.prod.yml' is not in the checkout; it has 'compose.dev.yaml' and " +
      "'docker-compose.yml': name the server's as 'compose' in diveops.yml"
  )
})

test('without any the checkout may be missing', async () => {
  await expect(readSource(folder, undefined)).rejects.toThrow(/check that actions\/checkout ran/)
  await expect(readSource(`${folder}/no`, undefined)).rejects.toThrow(/actions\/checkout ran/)
})
