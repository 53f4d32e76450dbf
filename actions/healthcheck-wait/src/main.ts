import { setOutputs } from '@diveops/core/action/outputs'
import type { Context } from '@diveops/core/action/run'
import { appendSummary, markdownTable } from '@diveops/core/action/summary'
import { formatDuration, systemClock } from '@diveops/core/base/time'
import { trust } from '@diveops/core/health/connect'
import { ask, publicUrl } from '@diveops/core/health/http'
import { LEAST_LIFE_LEFT } from '@diveops/core/health/life'
import { notAsExpected, type Sighting, waitFor } from '@diveops/core/health/wait'
import { type Inputs, read } from './inputs.ts'

/** Waits until the URL answers as expected; fails when it does not in time. */
export async function main({ secrets, log }: Context): Promise<void> {
  const inputs = read()
  secrets.add(decodeURIComponent(inputs.url.password))
  const { url, resolutions, expected, patience } = inputs
  const options = { resolutions, trust: url.protocol === 'https:' ? trust() : undefined }
  log.info(opening(inputs))
  const seen = await waitFor(timeoutMs => ask(url, { ...options, timeoutMs }), expected, patience, {
    clock: systemClock,
    log
  })
  setOutputs({
    status: seen.answer?.status,
    attempts: seen.attempts,
    'ready-ms': seen.readyMs && Math.round(seen.readyMs),
    release: seen.answer?.release,
    'cert-days': seen.answer?.certDays
  })
  await appendSummary(summary(url, seen))
  const { certLife = 1, certDays } = seen.answer ?? {}
  if (certLife < LEAST_LIFE_LEFT) {
    log.warning(
      `the certificate of ${url.hostname} ends in ${certDays} days, less than a third of its life is left: ` +
        'run the setup-ssl action'
    )
  }
  if (seen.readyMs === undefined) throw notAsExpected(publicUrl(url), seen, patience)
  log.info(`as expected after ${formatDuration(seen.readyMs)}, ${seen.attempts} tries`)
}

function opening({ url, resolutions, patience }: Inputs): string {
  const through = resolutions.map(entry => `, ${entry.name} at ${entry.address}`).join('')
  return `asking ${publicUrl(url)}${through} for up to ${formatDuration(patience.timeoutMs)}`
}

function summary(url: URL, { answer, attempts, readyMs, problems }: Sighting): string {
  const rows = [
    ['Result', readyMs === undefined ? problems.join('; ') : `ready in ${formatDuration(readyMs)}`],
    ['Tries', String(attempts)],
    ['Last status', String(answer?.status ?? 'none')],
    ['Release', answer?.release ?? 'not named'],
    ['Certificate', answer?.certDays === undefined ? 'none' : `${answer.certDays} days left`]
  ]
  return markdownTable({ head: ['Health', publicUrl(url)], rows })
}
