import { staleBundles } from '@diveops/build'
import { UserError } from '@diveops/core/base/errors'

/** Refuses to measure bundles that are not made from the present sources. */
export async function refuseStaleBundles(): Promise<void> {
  const names = await staleBundles()
  if (names.length === 0) return
  throw new UserError(`out of date in dist/: ${names.join(', ')}; make them anew: npm run build`)
}
