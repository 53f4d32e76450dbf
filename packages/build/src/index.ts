export {
  actionFolder,
  actionNames,
  BUNDLE_FILES,
  bundledNames,
  type Metadata,
  readMetadata
} from './actions.ts'
export { staleBundles } from './check.ts'
export { root } from './paths.ts'
export { outdatedReadmes } from './readme.ts'
export { publishedMetadata, stageActions } from './stage.ts'
export { stageWorkflows, WORKFLOWS } from './workflows.ts'
