/** The changelog of all actions, from the root of the repository. */
export const CHANGELOG = 'CHANGELOG.md'

/** Where changes wait for a version. */
export const CHANGESETS = '.changeset'

/** A change as a changeset tells it. */
export interface Change {
  summary: string
  /** The packages that it names, with the part of the version that it raises. */
  releases: readonly { name: string; type: string }[]
}

const KINDS = ['major', 'minor', 'patch'] as const

/** The text of a version's section; undefined when the changelog has none. */
export function sectionOf(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^(?=## )/m)
  const title = `## ${version}\n`
  return sections
    .find(section => section.startsWith(title))
    ?.slice(title.length)
    .trim()
}

/** The changelog with a new section on top, its changes under the strongest kind that they have. */
export function withSection(
  changelog: string,
  version: string,
  changes: readonly Change[]
): string {
  const kinds = KINDS.flatMap(kind => {
    const lines = changes.filter(change => strongest(change) === kind).map(line)
    const title = `### ${kind[0]?.toUpperCase()}${kind.slice(1)} changes`
    return lines.length > 0 ? [`${title}\n\n${lines.join('\n')}`] : []
  })
  const section = [`## ${version}`, ...kinds].join('\n\n')
  const [head = '', ...sections] = changelog.split(/^(?=## )/m)
  return `${[head.trim(), section, ...sections.map(text => text.trim())].join('\n\n')}\n`
}

function strongest({ releases }: Change): string | undefined {
  return KINDS.find(kind => releases.some(({ type }) => type === kind))
}

function line({ summary, releases }: Change): string {
  const names = releases.map(({ name }) => name.replace('@diveops/', '')).join(', ')
  return `- **${names}**: ${summary.trim().replaceAll(/\n(?=.)/g, '\n  ')}`
}
