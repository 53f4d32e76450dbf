/** An id of a release: when it was made (UTC, sortable) and what of. Also a valid image tag. */
export function releaseId(now: Date, digest: string): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
  return `${stamp}-${digest.replace(/^sha256:/, '').slice(0, 7)}`
}

/** The tag of our own that keeps an image on the host for as long as its release is kept. */
export function keptImage(app: string, service: string, release: string): string {
  return `diveops.local/${app}/${service}:${release}`
}
