export { root } from './paths.ts'
