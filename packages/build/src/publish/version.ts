/** A released version: major, minor, patch. */
export type Version = readonly [number, number, number]

/** Reads `1.2.3`; undefined for anything else, prereleases among it. */
export function parseVersion(text: string): Version | undefined {
  const match = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(text)
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined
}

/** Negative when `a` is older than `b`, zero when they are the same. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

/** The tag of a version, which never moves. */
export function tagOf(version: Version): string {
  return `v${version.join('.')}`
}

/** The version of a tag; undefined for tags that move and for those that are not ours. */
export function versionOf(tag: string): Version | undefined {
  return tag.startsWith('v') ? parseVersion(tag.slice(1)) : undefined
}

/** The tags that move to a version, with the versions among which it must be the newest for that. */
export function movingTags([major, minor]: Version): {
  tag: string
  covers: (other: Version) => boolean
}[] {
  return [
    { tag: `v${major}.${minor}`, covers: other => other[0] === major && other[1] === minor },
    { tag: `v${major}`, covers: other => other[0] === major }
  ]
}
