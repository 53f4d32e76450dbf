/** A line of a file of the checkout, by the file's path in it. */
export interface SourceLine {
  file: string
  line: number | undefined
}

/**
 * A failure whose cause the user can mend: one sentence that names the input or the place, the
 * value, what was expected and how to fix it. Shown without a stack.
 */
export class UserError extends Error {
  override name = 'UserError'
  /** Further lines for the log, such as the last output of a command. Never secrets. */
  readonly details: readonly string[]
  /** Where in the checkout the mistake is, when it is there. */
  readonly place: SourceLine | undefined

  constructor(
    message: string,
    details: readonly string[] = [],
    { place, ...options }: ErrorOptions & { place?: SourceLine | undefined } = {}
  ) {
    super(message, options)
    this.details = details
    this.place = place ?? (options.cause instanceof UserError ? options.cause.place : undefined)
  }
}

/** The run was told to stop. */
export class Cancelled extends UserError {
  override name = 'Cancelled'
}

/** The text of anything that was thrown, on one line. */
export function errorMessage(thrown: unknown): string {
  // Not instanceof: errors of Node itself are of another realm where a test runner has its own.
  const text = hasMessage(thrown) ? thrown.message : String(thrown)
  return text.trim().replace(/\s*\n\s*/g, ' · ')
}

function hasMessage(thrown: unknown): thrown is { message: string } {
  return typeof (thrown as { message?: unknown } | null)?.message === 'string'
}
