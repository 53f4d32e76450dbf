import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { actionLog } from '../../../packages/core/src/action/log.ts'
import { Secrets } from '../../../packages/core/src/base/secrets.ts'
import { HOSTILE } from '../../harness/hostile.ts'
import { commandsOf } from '../../harness/runnercommands.ts'

let written = ''
beforeEach(() => {
  written = ''
  jest.spyOn(process.stdout, 'write').mockImplementation(chunk => {
    written += String(chunk)
    return true
  })
})
afterEach(() => {
  jest.restoreAllMocks()
})

describe.each([
  ...Object.entries(HOSTILE),
  [
    'each kind of line end',
    'a\r::debug::b\n::debug::c\r\n\u0085::debug::d\u00a0\n\ufeff ::debug::e'
  ],
  ['all old forms', '##[group]a ##[endgroup]b ##[set-output name=c]d']
])('%s', (_, text) => {
  test('is no command for the runner', () => {
    const log = actionLog(new Secrets())
    log.info(text)
    expect(commandsOf(written)).toEqual([])
  })

  test('is no command inside of one', async () => {
    const log = actionLog(new Secrets())
    log.warning(text)
    log.debug(text)
    log.step(text)
    log.info(text)
    log.endStep(true)
    await log.group(text, async () => log.info(text))
    const names = commandsOf(written).map(({ name }) => name)
    expect(names).toEqual(['warning', 'debug', 'group', 'endgroup', 'group', 'endgroup'])
  })
})

test('ordinary text is left alone', () => {
  actionLog(new Secrets()).info('  a::b, std::string, [::1]:443, # [x]')
  expect(written).toBe('  a::b, std::string, [::1]:443, # [x]\n')
})

test('steps are folded, and the failed one is shown again, open', () => {
  const secrets = new Secrets()
  secrets.add('hunter2hunter2')
  const log = actionLog(secrets)
  log.step('pull')
  log.info('  image is on the host already')
  log.step('roll web')
  log.info('  the bridge says hunter2hunter2')
  log.endStep(true)
  log.endStep()
  log.info('failed: it')
  expect(written.split('\n')).toEqual([
    '::group::→ pull',
    '  image is on the host already',
    '::endgroup::',
    '::group::→ roll web',
    '  the bridge says ***',
    '::endgroup::',
    '✗ roll web',
    '  the bridge says ***',
    'failed: it',
    ''
  ])
})
