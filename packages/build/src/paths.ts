import path from 'node:path'

/** The repository's root folder, from the compiled place of this file (packages/build/lib). */
export const root = path.resolve(import.meta.dirname, '../../..')
