import { UserError } from '../base/errors.ts'

/** The first word of what a key that may only read answers, whatever it is asked. */
export const READ_ONLY = 'diveops-read-only'

const FIRST_LINE = new RegExp(`^${READ_ONLY} `, 'm')

/** The key's own command on the host answered in place of the shell that was asked for. */
export class ReadOnlyKey extends UserError {
  override name = 'ReadOnlyKey'
  /** Everything it said, from its first line on. */
  readonly answer: string

  constructor(host: string, answer: string) {
    super(
      `${host}: this key may only read: the server answers it with what a plan needs, and runs ` +
        "nothing; use the server's deploy key, or set input 'plan-only' of deploy-vps to true"
    )
    this.answer = answer
  }
}

/** Whether an answer has begun in what was heard. */
export function isReadOnlyAnswer(heard: string): boolean {
  return FIRST_LINE.test(heard)
}

/** The answer in all that was heard; a login may have said something before it. */
export function readOnlyAnswer(heard: string): string | undefined {
  const at = heard.search(FIRST_LINE)
  return at < 0 ? undefined : heard.slice(at)
}
