import { type Prepared, prepareActions } from '@diveops/build'

/** What a published version would be, always the same: of all versions, `v1` is the one in use. */
const RELEASE = {
  version: [1, 0, 0],
  author: { name: 'lab', email: 'lab@localhost' },
  date: '2026-01-01T00:00:00Z',
  notes: 'Not published.'
} as const

/** Makes the actions below a folder as publishing this checkout would, without pushing anything. */
export function prepareCheckout(folder: string): Promise<Prepared[]> {
  return prepareActions(folder, RELEASE)
}
