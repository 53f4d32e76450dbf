import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runLocal } from '@diveops/core/action/local'
import { setOutputs } from '@diveops/core/action/outputs'
import { UserError } from '@diveops/core/base/errors'
import type { Step } from './tool.ts'

/** Makes a virtual environment outside the checkout and installs the project's requirements in it. */
export const install: Step = async ({ directory, python, requirements }, log) => {
  const venv = await mkdtemp(path.join(process.env.RUNNER_TEMP || tmpdir(), 'diveops-venv-'))
  const made = await runLocal([python, '-m', 'venv', venv])
  if (made.code !== 0) {
    throw new UserError(
      `'${python} -m venv' failed: ${lastOf(made.stdout + made.stderr)}; ` +
        'Debian and Ubuntu have it in the package python3-venv'
    )
  }
  setOutputs({ venv })
  const words = ['install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off']
  const files = requirements.flatMap(file => ['--requirement', file])
  const installed = await runLocal([path.join(venv, 'bin/pip'), ...words, ...files], {
    cwd: directory,
    onLine: line => log.info(line)
  })
  if (installed.code !== 0) {
    throw new UserError(
      `pip could not install ${requirements.join(', ')}: ${lastOf(installed.stderr)}`
    )
  }
}

function lastOf(output: string): string {
  const lines = output.split(/\r?\n/).filter(line => line.trim() !== '')
  const error = lines.filter(line => /^ERROR: /.test(line)).at(-1)
  return (error ?? lines.at(-1) ?? 'no message').replace(/^ERROR: /, '').trim()
}
