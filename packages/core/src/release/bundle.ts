import { pack } from 'tar-stream'

/** An entry of the tar that goes up: a file's name, content and mode. */
export interface BundleFile {
  name: string
  content: Buffer | string
  mode: number
}

/** One tar of all files, in memory, with folders implied by names. */
export async function bundle(files: readonly BundleFile[]): Promise<Buffer> {
  const tar = pack()
  for (const { name, content, mode } of files) tar.entry({ name, mode }, content)
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
