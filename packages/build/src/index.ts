export {
  actionFolder,
  actionNames,
  BUNDLE_FILES,
  bundledNames,
  type Metadata,
  readMetadata
} from './actions.ts'
export { staleBundles } from './check.ts'
export { node24 } from './node24.ts'
export { root } from './paths.ts'
export { type Prepared, prepareActions } from './publish/prepare.ts'
export { outdatedReadmes } from './readme.ts'
export {
  OWNER,
  publishedMetadata,
  publishedReadme,
  publishingOrder,
  WORKFLOWS
} from './stage.ts'
