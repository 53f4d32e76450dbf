import { quote } from '../base/shell.ts'
import { factScripts, readFacts, type Sections } from './facts.ts'
import { FRONT } from './front.ts'
import { startDryRun } from './planfacts.ts'
import { PROJECT_NAME, SCRUB, stagePath } from './resolve.ts'
import { joinProbes, type Section } from './sections.ts'

/**
 * The script that reads all facts of an app as it lies in its folder now, and further probes with
 * them, which may use `functions`. Needs nothing of a release: the compose file is that of the live one, else `composeFile`,
 * and `$C` is its name for the probes. Nothing outside of `$SCRATCH` is changed.
 */
export function liveProbes<Name extends string>(
  path: string,
  composeFile: string,
  more: Readonly<Record<Name, string>>,
  functions: string
) {
  const stage = stagePath(path)
  const facts = factScripts(stage, '"$C"', '"$P/current/"')
  // How much memory each service takes matters for a roll only, and costs a call for each container.
  const probes = joinProbes<string>({ ...facts, memory: ':', ...more })
  const script = `P=${quote(path)} C=${quote(composeFile)}
live=$(sed -n 's/^  "compose": "\\(.*\\)",*$/\\1/p' "$P/current/release.json" 2> /dev/null | head -n 1)
C=${'$'}{live:-$C}
${startDryRun('"$P/$C"')}${SCRUB}
mkdir -p ${stage} || exit 97
# Links, because data may lie beside the compose file. Never one to .env, which is written here; what
# else may hold secret values is copied without them.
(cd ${stage} && for file in "$P"/* "$P"/.[!.]*; do
  [ -e "$file" ] || continue
  case ${'$'}{file##*/} in
    .env) ;;
    .env*|*.env) if [ -f "$file" ]; then scrub < "$file" > "${'$'}{file##*/}"; else ln -s "$file" .; fi ;;
    *) ln -s "$file" . ;;
  esac
done) 2> /dev/null
project() {
  if [ ! -f "$SCRATCH/project" ]; then
    found=$(${PROJECT_NAME})
    # A compose file that is refused names none, but its containers may run.
    [ -n "$found" ] || found=$(docker ps -a --filter "label=com.docker.compose.project.working_dir=$P" --format '{{.Label "com.docker.compose.project"}}' | head -n 1)
    printf '%s\\n' "$found" > "$SCRATCH/project"
  fi
  cat "$SCRATCH/project"; }
${FRONT}
${functions}
${probes.script}`
  const read = (stdout: string) => {
    const sections = probes.read(stdout)
    return {
      facts: readFacts(path, sections as Sections),
      sections: sections as Record<Name, Section>
    }
  }
  return { script, read }
}
