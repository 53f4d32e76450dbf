import { hostPath } from '../app/compose.ts'
import { readingFor } from '../deploy/certificates.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { keptTarget } from '../deploy/target.ts'
import { LEAST_LIFE_LEFT, lifeLeft } from '../health/life.ts'
import { readConfiguration } from '../proxy/configuration.ts'
import { readSites, type Site } from '../proxy/sites.ts'
import { type Certificate, covers, parseCertificate } from '../tls/certificate.ts'
import { type Look, lifeWarning, look } from '../tls/look.ts'
import { RENEWAL_PROGRAM } from '../tls/renewalprogram.ts'
import type { Answers } from './questions.ts'
import type { Seen } from './seen.ts'

/** What renews the certificates: ours by systemd or cron, or the distribution's certbot. */
export const CERTIFICATE_PROBES = {
  renewedBy: `APP=$P PROJECT=$(project)
${RENEWAL_PROGRAM}
found=$(renewal)
if [ "$found" = none ] && [ "$(systemctl is-active certbot.timer 2> /dev/null)" = active ]; then found=certbot.timer; fi
echo "$found"`
}

type CertificateSeen = Seen<keyof typeof CERTIFICATE_PROBES>

const { ok, hint, warning, error } = rowsOf('certificates')
/** What to do about most of it. */
export const SETUP = 'run the setup-ssl action'

/** What nginx serves over TLS now. */
function liveSites({ facts: { nginx } }: Pick<Seen, 'facts'>): Site[] {
  return nginx === undefined ? [] : readSites(readConfiguration(nginx))
}

/** What nginx serves over TLS now, or would by the HTTPS configurations of the live release. */
export function tlsSites({ facts }: Pick<Seen, 'facts'>): Site[] {
  const live = liveSites({ facts })
  const wanted = (facts.current?.pairs ?? []).flatMap(({ sites }) => sites ?? [])
  const all = [...live, ...wanted]
  return all.filter(
    (one, index) => all.findIndex(({ certificate }) => certificate === one.certificate) === index
  )
}

/** Rows of the certificates on disk, of what is served, and of their renewal. */
export function certificateRows(
  seen: CertificateSeen,
  proxy: string | undefined,
  answers: Answers | undefined
): Row[] {
  const { project, facts } = seen
  const sites = tlsSites(seen)
  const kind = facts.front?.kind ?? 'nginx'
  if (kind !== 'nginx') {
    return [hint('certificates', 'not looked at', { cause: `those of ${kind} are its own matter` })]
  }
  if (!project || proxy === undefined || sites.length === 0) {
    return [ok('certificates', 'none is needed: nginx has no HTTPS configuration')]
  }
  const now = new Date(facts.clock * 1000)
  const live = liveSites(seen).map(({ certificate }) => certificate)
  const looks = look(sites, readingFor(project, proxy, facts.certificates), now)
  return [
    ...looks.map(one => {
      const path = hostPath(project, proxy, one.site.certificate)
      const ours = path?.startsWith(`${seen.config.path}/certs/`)
      return ours
        ? diskRow(one, live.includes(one.site.certificate), now)
        : elsewhereRow(one.site, answers, now)
    }),
    ...looks.flatMap(one => servedRows(one, answers)),
    ...variantRows(seen),
    renewalRow(seen)
  ]
}

function nameOf({ names, certificate }: Site): string {
  return names[0] ?? certificate
}

function diskRow(one: Look, isLive: boolean, now: Date): Row {
  const { site, certificate, verdict, problem } = one
  const name = nameOf(site)
  if (verdict === 'unseen') return hint(name, 'could not be read', { cause: problem as string })
  if (verdict === 'unusable') {
    // While nothing is served by it the site answers, over HTTP only.
    const make = isLive ? error : warning
    return make(name, 'cannot be served', { cause: problem as string, next: SETUP })
  }
  const until = `until ${day((certificate as Certificate).notAfter)}`
  if (verdict === 'expired') {
    return error(name, 'expired', { cause: problem as string, next: SETUP })
  }
  const near = lifeWarning(one, now)
  if (near === undefined) return ok(name, until)
  return warning(name, until, { cause: near.replace(/: run the.*$/, ''), next: SETUP })
}

/** Files outside of the app's folder are not read; what nginx serves says enough. */
function elsewhereRow(site: Site, answers: Answers | undefined, now: Date): Row {
  const name = nameOf(site)
  const served = parseCertificate(answers?.served.get(name) ?? '')
  if (!served)
    return hint(name, `${site.certificate} is not in the app's folder and was not looked at`)
  if (served.notAfter <= now) {
    return error(name, 'expired', {
      cause: `nginx serves a certificate that expired on ${day(served.notAfter)}`
    })
  }
  if (lifeLeft(served, now) >= LEAST_LIFE_LEFT) return ok(name, `until ${day(served.notAfter)}`)
  return warning(name, `until ${day(served.notAfter)}`, {
    cause: 'less than a third of its life is left'
  })
}

function servedRows({ site, certificate }: Look, answers: Answers | undefined): Row[] {
  return site.names
    .filter(name => answers?.served.has(name))
    .flatMap(name => {
      const served = parseCertificate(answers?.served.get(name) ?? '')
      if (!served || !certificate) return []
      if (!covers(served, name)) {
        return [
          error(`${name} as served`, `a certificate for ${served.names.join(', ') || 'no name'}`, {
            cause: 'browsers refuse a certificate of another name',
            next: SETUP
          })
        ]
      }
      if (served.serial === certificate.serial) return []
      return [
        error(
          `${name} as served`,
          `certificate ${served.serial}, on disk is ${certificate.serial}`,
          {
            cause: 'nginx has not read the certificate that is on disk',
            next: 'docker exec the proxy: nginx -s reload, or run ./init-ssl.sh --renew on the server'
          }
        )
      ]
    })
}

/** Whether today's certificates would choose another configuration than the one that serves. */
function variantRows({ facts, project }: CertificateSeen): Row[] {
  const { current } = facts
  if (!current || !project) return []
  const { pairs } = keptTarget(current, project, facts, current.files)
  return pairs.flatMap(({ domain, https, variant }) => {
    const live = current.pairs.find(pair => pair.https === https)?.variant ?? variant
    const name = domain ?? 'nginx'
    if (live === 'http' && variant === 'https') {
      return [
        warning(name, 'serves HTTP only, and every certificate is there', {
          cause: 'nothing has chosen the HTTPS configuration since they came',
          next: SETUP
        })
      ]
    }
    if (live === 'https' && variant === 'http') {
      return [
        error(name, 'serves HTTPS with certificates that are gone or broken', {
          cause: 'it goes on until nginx starts again, and then does not start',
          next: SETUP
        })
      ]
    }
    return live === 'http' ? [hint(name, 'serves HTTP only', { next: SETUP })] : []
  })
}

function renewalRow({ facts, sections, config }: CertificateSeen): Row {
  const by = sections.renewedBy.text || 'none'
  const { renewal } = facts
  if (renewal?.result === 'failed') {
    return error('renewal', `failed on ${renewal.at}`, {
      cause: renewal.error ?? 'it did not say why',
      next: `cd ${config.path} && ./init-ssl.sh --renew`
    })
  }
  if (by === 'none' && facts.certificates.size > 0) {
    return warning('renewal', 'nothing on the server renews the certificates', {
      cause: 'they end at the latest after 90 days',
      next: SETUP
    })
  }
  if (by === 'none') return ok('renewal', 'nothing to renew yet')
  return ok('renewal', `by ${by}${renewal ? `, the last on ${renewal.at}` : ''}`)
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
