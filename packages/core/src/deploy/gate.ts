import { quote } from '../base/shell.ts'
import { ENVIRONMENT } from '../ssh/loop.ts'
import { READ_ONLY } from '../ssh/readonly.ts'
import { factScripts } from './facts.ts'
import { FRONT } from './front.ts'
import { REDACT } from './library.ts'
import { SCRUB } from './resolve.ts'
import { probesScript } from './sections.ts'

/** What the gate says of itself; a client of another version does not read on. */
export const GATE_VERSION = '1'
/** Where the gate lies in the app's folder. */
export const GATE = '.diveops/plan-key.sh'
/** What `.env` is told by in place of its sha256, by which a weak password could be guessed. */
export const SAME_ENV = '5'.repeat(64)
export const OTHER_ENV = '0'.repeat(64)

/** An answer takes no longer, and nobody waits longer for another one to end, in seconds. */
const LONGEST_S = 60
const PATIENCE_S = 40
const MOST_FILES = 100
const MOST_KB = 128

/** Keeps of a list of files, `./a` a line, those that are not too many and not too large. */
const FEW = `head -n ${MOST_FILES} | while IFS= read -r f; do
  [ -f "$from/$f" ] && [ "$(wc -c < "$from/$f")" -le ${MOST_KB * 1024} ] && printf '%s\\n' "$f"; done`

/** Prints the content of each listed file under \`$from\`, which a filter has passed, and its name. */
const contents = (filter: string) =>
  `while IFS= read -r f; do printf '%s %s\\n' "$(${filter} < "$from/$f" | base64 | tr -d '\\n')" "${'$'}{f#./}"; done`

/**
 * What the gate prints beyond the facts. A release that was not deployed but taken over is left out of
 * `sources`: its compose file may not be the repository's, and hold what nobody meant to publish.
 */
const MORE_PROBES = {
  /** The folder that the answer is about. */
  place: `printf '%s\\n' "$P"`,
  env: '[ -f "$P/.env" ] && scrub "$used" < "$P/.env"',
  envBefore:
    'was=$(env_before); [ -f "$P/.diveops/env/$was" ] && scrub "$used" < "$P/.diveops/env/$was"',
  sources: `from="$P/current"; cd "$from/" && ! grep -q '"adopted": true' release.json || exit 0
find . -type f "(" -name '*.yml' -o -name '*.yaml' -o -name '*.env' -o -name '.env*' ")" | ${FEW} | ${contents('cat')}`,
  shown: `from=$P; box=$(front); [ -n "$box" ] && cd "$P/current/" || exit 0
mounts=$(docker inspect -f '{{range .Mounts}}{{if eq .Type "bind"}}{{println .Source}}{{end}}{{end}}' "$box")
find . -type f | while IFS= read -r f; do
  printf '%s\\n' "$mounts" | while IFS= read -r mount; do
    [ -z "$mount" ] || case "$P/${'$'}{f#./}" in "$mount"|"$mount"/*) printf '%s\\n' "$f" ;; esac
  done
done | sort -u | ${FEW} | ${contents('conceal')}`,
  moved: `docker ps -aq --filter "label=com.docker.compose.project=$(project)" | xargs -r docker inspect -f '{{.Image}} {{.Config.Image}} {{index .Config.Labels "com.docker.compose.service"}}' | while read -r id image service; do
  [ "$(docker image inspect -f '{{.Id}}' "$image" 2> /dev/null)" = "$id" ] || printf '%s\\n' "$service"; done`,
  end: ':'
}

/** Probes that need the new release, which the gate never sees, or print more than a plan needs. */
const LEFT_OUT = ['config', 'configError', 'missingImages', 'dryRun', 'releases'] as const

/** The probes of the gate by their names. */
function gateProbes() {
  const all = factScripts('"$P/current"', '""', '"$P/current/"')
  const facts = Object.entries(all).filter(([name]) => !LEFT_OUT.some(one => one === name))
  return {
    ...Object.fromEntries(facts),
    envHash: `[ -f "$P/.env" ] && echo ${SAME_ENV}`,
    current: `[ -f "$P/current/release.json" ] && now=$(sha256sum < "$P/.env" | cut -c 1-64)
sed "/\\"env\\": {/,/}/ { s/\\"sha256\\": \\"$now\\"/\\"sha256\\": \\"${SAME_ENV}\\"/; t
s/\\"sha256\\": \\"[0-9a-f]*\\"/\\"sha256\\": \\"${OTHER_ENV}\\"/; }" "$P/current/release.json"`,
    front: `{ ${all.front}
} | conceal`,
    ...MORE_PROBES
  }
}

/** The names of all that an answer holds. */
export type GateName = keyof ReturnType<typeof factScripts> | keyof typeof MORE_PROBES

/** The names of all that an answer can hold; those that are left out are empty. */
export function gateNames(): GateName[] {
  return [...Object.keys(gateProbes()), ...LEFT_OUT] as GateName[]
}

/**
 * The program that a key of an authorized_keys line `restrict,command="<path>/.diveops/plan-key.sh"` runs
 * whatever its holder asks for: it prints what a plan needs to know of the app in a folder, without the
 * values of secrets, and ends. It looks at nothing that the client sends: no command, no input, no
 * variable. It changes nothing but a directory of its own for temporary files, which it removes.
 */
export function gateSource(path: string): string {
  return `#!/bin/sh
# Written by DiveOps at each deploy. For a key that may only read: docs/security.md has the line for
# authorized_keys. Whatever the client sends, this prints the same and ends.
[ "${'$'}{1-}" = clean ] || exec /usr/bin/env -i HOME="$HOME" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin timeout -k 5 ${LONGEST_S} /bin/sh "$0" clean
exec < /dev/null 9< "$0"
${ENVIRONMENT}
umask 077
mark="=$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \\n')="
printf '${READ_ONLY} %s %s\\n' ${GATE_VERSION} "$mark"
flock -w ${PATIENCE_S} 9 || { echo busy; exit 75; }
SCRATCH=
trap '[ -z "$SCRATCH" ] || rm -rf "$SCRATCH"' EXIT
trap 'exit 1' HUP INT TERM PIPE
for place in /dev/shm /tmp; do
  SCRATCH=$(mktemp -d "$place/diveops-XXXXXXXXXX" 2> /dev/null) && break
done
[ -n "$SCRATCH" ] || exit 1
P=${quote(path)}
${SCRUB}
${REDACT}
conceal() { redact | sed -E '/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/d
s#(://[^/@:[:space:]]*):[^@[:space:]]+@#\\1:***@#g
s/^([^:[:space:]]+:)([$]|[{]SHA)[^[:space:]]*/\\1***/
s/("[^"]*(password|passwd|secret|token|key|credential)[^"]*"[[:space:]]*:[[:space:]]*")[^"]*"/\\1***"/gI
s/((Bearer|Basic)[[:space:]]+)[A-Za-z0-9_.+\\/=~-]{6,}/\\1***/gI
s/((password|passwd|secret|token|api[-_]?key)["'"'"']?[[:space:]:=]+["'"'"']?)[^[:space:]"'"'"';]{4,}/\\1***/gI'; }
env_before() { sed -n '/"env": {/,/}/s/.*"sha256": "\\([0-9a-f]*\\)".*/\\1/p' "$P/current/release.json" | head -n 1; }
${FRONT}
exec 2> /dev/null
app=$(sed -n 's/^  "app": "\\(.*\\)",*$/\\1/p' "$P/current/release.json" | head -n 1)
[ -n "$app" ] || app=$(docker ps -a --filter "label=com.docker.compose.project.working_dir=$P" --format '{{.Label "com.docker.compose.project"}}' | head -n 1)
project() { printf '%s\\n' "$app"; }
# Variables that the live compose file uses: of all others no value is needed.
used=" $(find "$P/current/" -type f "(" -name '*.yml' -o -name '*.yaml' ")" -exec sed 's/[$][$]//g' {} + | grep -oE '[$][{]?[A-Za-z_][A-Za-z0-9_]*' | tr -d '\${' | sort -u | tr '\\n' ' ')"
${probesScript(gateProbes(), '"$mark"')}
`
}

/** Shell text for the app's folder that writes the gate as this version has it; \`fail\` must be there. */
export function installGate(path: string): string {
  return `{ cat > ${GATE}.new && chmod 700 ${GATE}.new && mv ${GATE}.new ${GATE}; } <<'DIVEOPS_GATE' || fail "cannot write $P/${GATE}"
${gateSource(path)}DIVEOPS_GATE`
}
