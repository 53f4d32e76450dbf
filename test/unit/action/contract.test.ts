import { expect, test } from '@jest/globals'
import { type Asked, answerProblems, requestProblems } from '../../harness/github/contract.ts'

const asked = (other: Partial<Asked>): Asked => ({
  method: 'POST',
  url: '/repos/owner/app/deployments',
  headers: {
    authorization: 'token x',
    accept: 'application/vnd.github.v3+json',
    'user-agent': 'test',
    'content-type': 'application/json'
  },
  body: '{"ref":"main"}',
  ...other
})
const list = (query: string) =>
  asked({ method: 'GET', url: `/repos/owner/app/deployments?${query}`, body: '' })

test('the fake of GitHub takes what GitHub takes', () => {
  expect(requestProblems(asked({}))).toEqual([])
  expect(requestProblems(list('environment=production&per_page=20'))).toEqual([])
})

test.each([
  [
    'an unknown operation',
    asked({ url: '/repos/owner/app/deploymentz' }),
    /not one of the operations/
  ],
  ['another method', asked({ method: 'DELETE' }), /not one of the operations/],
  ['a missing property', asked({ body: '{}' }), /must have required property 'ref'/],
  ['a property of another type', asked({ body: '{"ref":1}' }), /\/ref must be string/],
  [
    'an unknown property',
    asked({ body: '{"ref":"a","refs":"b"}' }),
    /'refs', which GitHub does not/
  ],
  ['an unknown parameter', list('env=production'), /no parameter 'env' in the query/],
  ['a parameter of another type', list('per_page=many'), /'per_page'.* must be integer/],
  [
    'an id that is none',
    asked({ url: '/repos/owner/app/deployments/x/statuses', body: '{"state":"success"}' }),
    /'deployment_id'.* must be integer/
  ],
  [
    'an unknown state',
    asked({ url: '/repos/owner/app/deployments/1/statuses', body: '{"state":"live"}' }),
    /\/state must be equal to one of/
  ],
  ['no token', asked({ headers: { ...asked({}).headers, authorization: undefined } }), /no token/]
])('and refuses %s', (_, request, expected) => {
  expect(requestProblems(request).join('\n')).toMatch(expected)
})

test('and answers as GitHub does', () => {
  expect(answerProblems(asked({}), 201, { id: 1 }).join()).toMatch(/required property/)
  expect(answerProblems(asked({}), 299, {}).join()).toMatch(/no answer with status 299/)
})
