import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '@diveops/build'
import { expect, test } from '@jest/globals'

/** Core's folders, lowest first: each imports only from itself and from those before it. */
const ORDER = [
  'base',
  'action',
  'ssh',
  'docker',
  'proxy',
  'health',
  'tls',
  'app',
  'release',
  'deploy',
  'doctor'
]
const CORE = path.join(root, 'packages/core/src')

const files = readdirSync(CORE, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .sort()

const imports = new Map(files.map(file => [file, importsOf(file)]))

/** What a file imports: our files relative to core's sources, other modules by name. */
function importsOf(file: string): string[] {
  const code = readFileSync(path.join(CORE, file), 'utf8')
  const found = [...code.matchAll(/^(?:import|export)\b[^'"]*?['"]([^'"]+)['"]/gm)]
  return found.map(([, specifier = '']) =>
    specifier.startsWith('.') ? path.join(path.dirname(file), specifier) : specifier
  )
}

function folderOf(file: string): string {
  return file.split(path.sep)[0] as string
}

test('every file lies in a folder of the design', () => {
  expect(files.filter(file => !ORDER.includes(folderOf(file)))).toEqual([])
})

test('no import points upward', () => {
  const upward = [...imports].flatMap(([file, targets]) =>
    targets
      .filter(target => files.includes(target))
      .filter(target => ORDER.indexOf(folderOf(target)) > ORDER.indexOf(folderOf(file)))
      .map(target => `${file} imports ${target}`)
  )
  expect(upward).toEqual([])
})

test('no imports run in a circle', () => {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, trail: readonly string[]) => {
    if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '))
    else if (!done.has(file)) {
      for (const target of imports.get(file) ?? []) visit(target, [...trail, file])
      done.add(file)
    }
  }
  for (const file of files) visit(file, [])
  expect(circles).toEqual([])
})

test('only action/ knows GitHub', () => {
  const strangers = [...imports]
    .filter(([file]) => folderOf(file) !== 'action')
    .filter(([, targets]) => targets.some(target => target.startsWith('@actions/')))
  expect(strangers.map(([file]) => file)).toEqual([])
})
