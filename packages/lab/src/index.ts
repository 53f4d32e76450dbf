export * as acme from './acme.ts'
export { type ActOptions, type ActResult, act } from './act.ts'
export { type Connection, connection, serverAddress } from './connection.ts'
export { down } from './down.ts'
export { acmeExec, type ExecOptions, registryExec, runnerExec, vpsExec } from './exec.ts'
export type { SecureSite } from './http2visitor.ts'
export { lint, lintFolder } from './lint.ts'
export { type Load, type LoadOptions, type Seen, startLoad, underLoad } from './load.ts'
export type { Result } from './process.ts'
export type { Say } from './progress.ts'
export { deleteImage, digest, manifest, repositories, tags } from './registry.ts'
export { assembleExample, assembleRepository, copyRepository } from './repository.ts'
export {
  rebootVps,
  resetVps,
  restartVpsEngine,
  startRegistry,
  startVpsEngine,
  stopRegistry,
  stopVpsEngine
} from './reset.ts'
export { knownHosts, registryToken, SERVER_USER, serverKey } from './secrets.ts'
export { up } from './up.ts'
