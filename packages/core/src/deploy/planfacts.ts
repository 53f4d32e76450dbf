import type { Section } from './sections.ts'

/** What the host knows that only the plan needs. */
export interface PlanFacts {
  /** Services whose running container compose itself would make anew, with today's .env and images. */
  recreates: ReadonlySet<string>
  /** Variables of .env that were changed, added or removed on the host since the live release. */
  editedVariables: string[]
}

/**
 * Asks compose what it would do, beside the other probes: it takes a while. A dry `up` would wait for
 * health checks; `create` says the same. The folder's own .env and mounts count, wherever the compose
 * file (a shell expression) lies.
 */
export function startDryRun(composeFile: string): string {
  return `rm -f "$SCRATCH/dry.done"
(docker compose --project-directory "$P" -f ${composeFile} --dry-run create --pull never > "$SCRATCH/dry.out" 2>&1; : > "$SCRATCH/dry.done") < /dev/null &`
}

/** The probes of the plan. */
export const PLAN_PROBES = {
  dryRun: 'until [ -f "$SCRATCH/dry.done" ]; do sleep 0.02; done; cat "$SCRATCH/dry.out"',
  editedVariables: String.raw`cd "$P" && was=.diveops/env/$(sed -n '/"env": {/,/}/s/.*"sha256": "\([0-9a-f]*\)".*/\1/p' current/release.json | head -n 1)
[ -f .env ] && [ -f "$was" ] && { grep -vxF -f "$was" .env; grep -vxF -f .env "$was"; } |
sed -nE 's/^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=.*/\2/p' | sort -u`
}

/** Reads what the probes of the plan printed. */
export function readPlanFacts(
  sections: Record<keyof typeof PLAN_PROBES, Section>,
  containers: readonly { name: string; service: string }[]
): PlanFacts {
  const anew = [...sections.dryRun.text.matchAll(/Container (\S+)\s+Recreate\s*$/gm)].map(
    ([, name]) => name
  )
  return {
    recreates: new Set(
      containers.filter(({ name }) => anew.includes(name)).map(({ service }) => service)
    ),
    editedVariables: sections.editedVariables.text.split('\n').filter(Boolean)
  }
}
