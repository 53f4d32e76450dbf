import type { Context } from '@diveops/core/action/run'
import { UserError } from '@diveops/core/base/errors'
import { read } from './inputs.ts'
import { install } from './install.ts'
import { black, isort, ruff } from './linters.ts'
import { pytest } from './pytest.ts'
import type { Step } from './tool.ts'

const STEPS: Record<string, Step> = { install, ruff, black, isort, pytest }

/** Runs one step of the composite action, named by action.yml. */
export async function main(name: string, { log }: Context): Promise<void> {
  const step = STEPS[name]
  if (!step) throw new UserError(`unknown step '${name}' of python-checks`)
  await step(read(), log)
}
