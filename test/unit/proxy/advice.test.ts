import { expect, test } from '@jest/globals'
import { reloadAdvice } from '../../../packages/core/src/proxy/advice.ts'

const advice = (version: string, configuration = 'http { }') =>
  reloadAdvice({ kind: 'nginx', version, configuration })

test.each(['1.22.1', '1.9.15', '1.26.3', '1.27.3', '0.8.55'])('nginx %s is too old', version => {
  expect(advice(version)).toContain(`nginx ${version} closes idle keep-alive connections`)
  expect(advice(version)).toContain('nginx 1.27.4 or newer')
})

test.each(['1.27.4', '1.27.5', '1.28.0', '1.30.6', '2.0.0'])(
  'nginx %s needs the directive',
  version => {
    expect(advice(version)).toContain("set 'keepalive_min_timeout 3s;'")
    expect(advice(version, 'http { server { keepalive_min_timeout 3s; } }')).toBe('')
  }
)

test('other proxies, and an nginx that does not tell its version, get none', () => {
  expect(reloadAdvice({ kind: 'caddy', version: '2.6.2', configuration: '{}' })).toBe('')
  expect(advice('')).toBe('')
})
