import { describe, expect, test } from '@jest/globals'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { cell, folded, markdownTable } from '../../../packages/core/src/action/summary.ts'
import { HOSTILE } from '../../harness/hostile.ts'

function rendered(markdown: string): string {
  return micromark(markdown, {
    allowDangerousHtml: true,
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()]
  })
}

/** What a reader sees of a piece of HTML: the text between tags. */
function seen(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/\u2060/g, '')
    .trim()
}

/** The tags of a piece of HTML, in order. Addresses may become links, which show what they are. */
function tags(html: string): string[] {
  return [...html.matchAll(/<\/?([a-z0-9]+)/g)]
    .map(match => match[1] as string)
    .filter(tag => tag !== 'a')
}

const oneLine = (text: string) => text.replace(/\s*[\r\n]+\s*/g, ' ').trim()
const cases = [
  ...Object.entries(HOSTILE),
  ...[
    '- item',
    '+ item',
    '# head',
    '1. first',
    '2) second',
    '=====',
    '> quote',
    '    code',
    '***'
  ].map(text => [`'${text}' at the beginning`, text] as const)
]

describe.each(cases)('%s', (_, text) => {
  test('is shown as it is, in a table, a quotation, a heading and a paragraph', () => {
    const plain = ['table', 'thead', 'tr', 'th', 'th', 'tr', 'thead', 'tbody', 'tr', 'td', 'td']
    const table = rendered(markdownTable({ head: ['name', text], rows: [['key', text]] }))
    expect(tags(table).filter((tag, index, all) => tag !== all[index - 1])).toEqual(
      plain.concat('tr', 'tbody', 'table').filter((tag, index, all) => tag !== all[index - 1])
    )
    expect(seen(table).split(/\n+/)).toEqual(['name', oneLine(text), 'key', oneLine(text)])
    for (const [before, expected] of [
      ['> ❌ ', ['blockquote', 'p', 'p', 'blockquote']],
      ['### Deploy: ', ['h3', 'h3']],
      ['', ['p', 'p']]
    ] as const) {
      const html = rendered(before + cell(text))
      expect(tags(html)).toEqual(expected)
      expect(seen(html)).toBe(`${before.replace(/^\W*(?=[❌D])/, '')}${oneLine(text)}`.trim())
    }
  })

  test('is shown as it is, line by line, in a folded box', () => {
    const html = rendered(`${folded('What was said', [text, 'end'])}\n\nafter`)
    expect(tags(html)).toEqual(['details', 'summary', 'summary', 'pre', 'pre', 'details', 'p', 'p'])
    const box = html.slice(html.indexOf('<pre>'), html.indexOf('</pre>'))
    expect(seen(box).replace(/\r/g, '\n')).toBe(`${text}\nend`.trim().replace(/\r/g, '\n'))
  })
})

test('nobody is mentioned and no formula begins', () => {
  const text = cell('ask @team about $x$, not me@example.com')
  expect(text).not.toMatch(/@team|\$/)
  expect(text).toContain('me@example.com')
})
