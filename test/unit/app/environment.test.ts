import { expect, test } from '@jest/globals'
import {
  assignment,
  environmentChange,
  parseTemplate
} from '../../../packages/core/src/app/environment.ts'

const template = parseTemplate(
  `# secrets
SECRET_KEY={{generate 50}}
DEBUG=False
QUOTED='a b # c'
SMTP_PASSWORD={{required}}
`,
  '.env.template'
)

test('a template says what a missing variable gets', () => {
  expect(template).toEqual([
    { name: 'SECRET_KEY', kind: 'generate', length: 50 },
    { name: 'DEBUG', kind: 'value', value: 'False' },
    { name: 'QUOTED', kind: 'value', value: 'a b # c' },
    { name: 'SMTP_PASSWORD', kind: 'required' }
  ])
})

test.each([
  ['A={{generate 3}}', ".env.template:1: 'A': got {{generate 3}}, expected a length from 8 to 256"],
  ['A={{genrate 50}}', ".env.template:1: 'A' has a placeholder that is not known"],
  ['nonsense', '.env.template:1: expected NAME=value, a comment or nothing']
])('a template that is wrong names the line: %s', (text, message) => {
  expect(() => parseTemplate(text, '.env.template')).toThrow(message)
})

test('on the first deploy everything is added or generated', () => {
  const given = [
    ['SMTP_PASSWORD', 's3cret'],
    ['EXTRA', 'x']
  ] as const
  expect(environmentChange(template, given, new Map(), { SSL: 'false' })).toEqual({
    add: [
      ['DEBUG', 'False'],
      ['QUOTED', 'a b # c'],
      ['SMTP_PASSWORD', 's3cret'],
      ['EXTRA', 'x']
    ],
    generate: [['SECRET_KEY', 50]],
    follow: [['SSL', 'false']]
  })
})

test('what is on the host is never touched, also when it is empty', () => {
  const present = new Map([
    ['SECRET_KEY', true],
    ['DEBUG', false],
    ['SMTP_PASSWORD', true],
    ['QUOTED', true]
  ])
  const given = [
    ['SMTP_PASSWORD', 'other'],
    ['DEBUG', 'True']
  ] as const
  expect(environmentChange(template, given, present, {})).toEqual({
    add: [],
    generate: [],
    follow: []
  })
})

test('a required variable without a value is named, an empty one on the host is filled', () => {
  const present = new Map([
    ['SECRET_KEY', true],
    ['DEBUG', true],
    ['QUOTED', true],
    ['SMTP_PASSWORD', false]
  ])
  expect(() => environmentChange(template, [], present, {})).toThrow(
    /^\.env: 'SMTP_PASSWORD' required/
  )
  expect(environmentChange(template, [['SMTP_PASSWORD', 'x1']], present, {}).add).toEqual([
    ['SMTP_PASSWORD', 'x1']
  ])
})

test('a value that an .env cannot hold is refused by name, not shown', () => {
  expect(assignment('A', 'pa$word1#x')).toBe("A='pa$word1#x'")
  expect(() => assignment('A', "it's")).toThrow("environment variable 'A'")
  expect(() => assignment('A', 'two\nlines')).toThrow("environment variable 'A'")
})
