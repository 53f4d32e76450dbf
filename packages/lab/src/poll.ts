const INTERVAL_MS = 100

/** Waits until something is true; a try that throws counts as not yet. The error says what never came. */
export async function eventually(
  what: string,
  timeoutMs: number,
  probe: () => Promise<boolean>
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let last = ''
  for (;;) {
    try {
      if (await probe()) return
    } catch (error) {
      last = `: ${error}`
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}${last}`)
    }
    await new Promise(resolve => setTimeout(resolve, INTERVAL_MS))
  }
}
