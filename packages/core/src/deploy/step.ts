import { UserError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import { RemoteError } from '../ssh/host.ts'
import type { Script, SteadyHost } from '../ssh/steady.ts'

/** A step of a run and how long it took. */
export interface StepTime {
  name: string
  ms: number
  /** Why the run failed; steps after it put things back. */
  failed?: true
}

/** The steps of a run in their order; the next one begins where the last one ended. */
export class Timeline {
  readonly steps: StepTime[] = []
  readonly #clock: Clock
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** Ends the step that runs, if any, and begins another; the same name goes on. */
  begin(name: string): void {
    this.end()
    if (this.steps.at(-1)?.name !== name) this.steps.push({ name, ms: 0 })
  }

  /** Counts the time up to now to the step that runs. */
  end(): void {
    const now = this.#clock.now()
    const running = this.steps.at(-1)
    if (running) running.ms += now - this.#since
    this.#since = now
  }

  /** The step that runs is the one that failed, unless an earlier one has. */
  fail(): void {
    const running = this.steps.at(-1)
    if (running && !this.steps.some(({ failed }) => failed)) running.failed = true
  }

  /** Name of the step that runs. */
  get current(): string {
    return this.steps.at(-1)?.name ?? 'start'
  }
}

/** A script of a deploy that gave a reason why it failed, and what it had said by then. */
export class StepFailure extends UserError {
  override name = 'StepFailure'
  readonly values: ReadonlyMap<string, string>

  constructor(message: string, details: readonly string[], values: ReadonlyMap<string, string>) {
    super(message, details)
    this.values = values
  }
}

/** What a script of a deploy reports to, and what may end it. */
export interface StepOptions {
  log: Log
  timeline: Timeline
  stdin?: string
  /** Aborted when the run is cancelled. */
  signal?: AbortSignal | undefined
  /** Hears each line first; false for one that is not for the log. */
  hear?: (line: string) => boolean
}

/**
 * Runs a script made by `onHost` and turns what it says into log lines, steps and values: `@name
 * text` lines other than the known ones are returned by name. A failure is the one line that the
 * script gave, with what it showed as details. The script may be run again when the connection breaks.
 */
export async function runScript(
  host: SteadyHost,
  script: Script,
  { log, timeline, stdin, signal, hear }: StepOptions
): Promise<Map<string, string>> {
  const values = new Map<string, string>()
  const details: string[] = []
  let failure: string | undefined
  const result = await host.run(script, {
    what: () => timeline.current,
    ...(stdin !== undefined && { stdin }),
    ...(signal && { signal }),
    onLine: (line, stream) => {
      if (stream === 'stdout' && hear?.(line) === false) return
      const match = /^@([a-z]+) ?(.*)$/s.exec(line)
      if (!match) return log.debug(line)
      const [, kind, text] = match as unknown as [string, string, string]
      if (kind === 'step') {
        timeline.begin(text)
        log.step(text)
      } else if (kind === 'note') {
        if (text.startsWith('warning: ')) log.warning(text.slice('warning: '.length))
        else log.info(`  ${text}`)
      } else if (kind === 'out') log.info(`  | ${text}`)
      else if (kind === 'more') details.push(text)
      else if (kind === 'fail') failure ??= text
      else if (kind === 'died') {
        failure ??= `step '${timeline.current}' broke off on ${host.name}: the server went down while it ran, or somebody ended it`
      } else values.set(kind, text)
    }
  })
  timeline.end()
  log.endStep(result.code !== 0)
  if (result.code === 0) return values
  timeline.fail()
  if (failure !== undefined) throw new StepFailure(failure, details, values)
  throw new RemoteError(`step '${timeline.current}'`, host.name, result)
}
