/** Where a run says what it does. The runner's log below `action/`, a list of lines in a test. */
export interface Log {
  info(line: string): void
  warning(text: string): void
  debug(line: string): void
  /** Lines written inside belong together under a title. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>
  /** Begins a step, and ends the one before: the lines up to its end belong to it. */
  step(name: string): void
  /** Ends the step, if one runs. */
  endStep(failed?: boolean): void
}

/** A log that writes nothing. */
export const silentLog: Log = {
  info: () => {},
  warning: () => {},
  debug: () => {},
  group: (_title, body) => body(),
  step: () => {},
  endStep: () => {}
}
