declare module '@vercel/ncc' {
  interface Result {
    code: string
    assets: Record<string, { source: Buffer | string }>
  }
  /** Bundles a JavaScript module and everything it imports. Its module ids depend on the working folder. */
  export default function ncc(entry: string, options: Record<string, unknown>): Promise<Result>
}
