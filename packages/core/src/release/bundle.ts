import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'

/** An entry of the tar that goes up: a file's name, content and mode. */
export interface BundleFile {
  name: string
  content: Buffer | string
  mode: number
}

/**
 * One tar of all files, gzipped, in memory, with folders implied by names. Small files are mostly
 * padding in a tar, and what fits into the first window of TCP costs no further round trip.
 */
export async function bundle(files: readonly BundleFile[]): Promise<Buffer> {
  const tar = pack()
  for (const { name, content, mode } of files) tar.entry({ name, mode }, content)
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return gzipSync(Buffer.concat(chunks))
}
