import type { Project } from '../app/compose.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import type { ServedFolder } from '../proxy/folders.ts'
import type { Answers, FolderAnswer } from './questions.ts'
import { composeCommand, type Seen } from './seen.ts'

const site = rowsOf('site')
const files = rowsOf('static files')

/** Rows of what the proxy answers under each name of the app. */
export function siteRows(seen: Seen, { statuses, lacks }: Answers, proxy: string): Row[] {
  if (lacks.includes('front')) {
    return [
      site.error('proxy', 'nothing of this app is published on port 80 or 443', {
        cause: `service '${proxy}' does not run, so no visitor gets an answer`,
        next: composeCommand(seen, `up -d ${proxy}`)
      })
    ]
  }
  return [...statuses].map(([origin, status]) => {
    const url = origin + seen.config.health.path
    if (status === '404') {
      return site.hint(origin, `answers 404 for ${seen.config.health.path}`, {
        cause: 'visitors may find other pages, but this one tells nothing of the app',
        next: 'name a page that the app has as health.path of diveops.yml'
      })
    }
    if (/^[234]/.test(status)) return site.ok(origin, `answers ${status}`)
    if (status === 'none') {
      return site.hint(origin, 'not asked', {
        cause: `neither in '${proxy}' nor on the server is there curl, wget or bash to ask with`
      })
    }
    const next = composeCommand(seen, `logs --tail 50 ${proxy}`)
    if (status === '000') {
      return site.error(origin, 'no answer', {
        cause: `'${proxy}' does not answer ${url}: it is not up, or has no such server`,
        next
      })
    }
    const gateway = ['502', '503', '504'].includes(status)
    return site.error(origin, `answers ${status}`, {
      cause: gateway
        ? `'${proxy}' cannot reach the service behind it (${url})`
        : `the app itself fails (${url})`,
      next
    })
  })
}

/** Rows of the folders that the proxy serves by itself. */
export function folderRows(
  seen: Seen,
  folders: readonly ServedFolder[],
  answers: Answers,
  proxy: string
): Row[] {
  return folders.flatMap(one => {
    const answer = answers.folders.get(one.folder)
    return answer && seen.project ? [folderRow(seen, seen.project, one, answer, proxy)] : []
  })
}

function folderRow(
  seen: Seen,
  project: Project,
  { prefix, folder }: ServedFolder,
  answer: FolderAnswer,
  proxy: string
): Row {
  const mount = mountOf(project, proxy, folder)
  const writers = Object.keys(project.services).filter(
    name => name !== proxy && mount?.source !== undefined && mounts(project, name, mount.source)
  )
  if (mount === undefined && (answer.state !== 'file' || answer.status === '404')) {
    return files.error(prefix, `${proxy} mounts nothing at ${folder}`, {
      cause: 'nginx looks for the files where no volume is, so each is 404',
      next: `mount in service '${proxy}' of ${seen.compose.file} at ${folder} the volume that the app collects them into`
    })
  }
  if (answer.state === 'file' && answer.status === '200') {
    return files.ok(prefix, `answers 200 for ${answer.file}`)
  }
  if (answer.state === 'file' && !answer.readable) {
    return files.error(prefix, `nginx may not read ${folder}${answer.file}`, {
      cause: `the user of nginx's workers lacks the right to read the file or to enter a folder above it, so it is 403`,
      next: composeCommand(seen, `exec -u 0 ${opener(project, writers[0] ?? proxy, mount, folder)}`)
    })
  }
  if (answer.state === 'file') {
    if (answer.status === 'none') return files.ok(prefix, 'has files')
    return files.error(prefix, `answers ${answer.status} for ${answer.file}, which is there`, {
      cause: `another location of nginx answers ${prefix}, or its alias or root does not fit`,
      next: composeCommand(seen, `exec ${proxy} nginx -T`)
    })
  }
  if (mount?.source !== undefined && writers.length === 0) {
    return files.error(
      prefix,
      `${folder} is ${answer.state}, and no other service mounts its volume`,
      {
        cause: `'${mount.source}' is mounted in '${proxy}' alone, so what the app collects never comes there`,
        next: `mount '${mount.source}' in the service of the app, too, where it collects static files`
      }
    )
  }
  if (!/static|assets/.test(prefix + folder))
    return files.ok(prefix, `${folder} is ${answer.state}`)
  return files.error(prefix, `${folder} is ${answer.state}`, collectstatic(seen, writers[0]))
}

function collectstatic(seen: Seen, service = 'web') {
  const collects = seen.config.release.some(({ command }) => command.includes('collectstatic'))
  return {
    cause: collects
      ? 'what the release collected is gone, or went to another folder'
      : 'collectstatic never ran: no release command of diveops.yml does it',
    next:
      composeCommand(seen, `exec ${service} python manage.py collectstatic --noinput`) +
      (collects
        ? ''
        : `; and under 'release' of diveops.yml: ${service}: python manage.py collectstatic --noinput`)
  }
}

/** What opens a folder to all, in a service that may write to it. */
function opener(
  project: Project,
  service: string,
  mount: ReturnType<typeof mountOf>,
  folder: string
): string {
  const own = project.services[service]?.volumes?.find(({ source }) => source === mount?.source)
  return `${service} chmod -R a+rX ${own?.target ?? folder}`
}

function mountOf(project: Project, name: string, folder: string) {
  return [...(project.services[name]?.volumes ?? [])]
    .sort((a, b) => b.target.length - a.target.length)
    .find(({ target }) => folder.startsWith(`${target.replace(/\/$/, '')}/`))
}

function mounts(project: Project, name: string, source: string): boolean {
  return (project.services[name]?.volumes ?? []).some(one => one.source === source)
}
