export { actionFolder, actionNames, bundledNames, type Metadata, readMetadata } from './actions.ts'
export { root } from './paths.ts'
export { publishedMetadata, stageActions } from './stage.ts'
