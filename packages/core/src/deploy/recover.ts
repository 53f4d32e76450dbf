import { quote } from '../base/shell.ts'
import { drainSeconds } from './drain.ts'
import { ENVIRONMENT_FUNCTIONS } from './environment.ts'
import { onHost, type Place } from './library.ts'
import { ROLL_FUNCTIONS } from './rolllibrary.ts'
import type { Target } from './target.ts'

/**
 * Shell function `drop_release ID`: removes a release that never became live with its images, unless
 * another release is of them. Run where `releases` is.
 */
export const DROP_RELEASE = `
drop_release() {
  docker image ls --filter "reference=diveops.local/*/*:$1" --format '{{.Repository}}:{{.Tag}}' | while read -r kept; do
    digests=$(docker image inspect -f '{{join .RepoDigests " "}}' "$kept")
    docker image rm "$kept" > /dev/null 2>&1
    for digest in $digests; do grep -qsF "$digest" releases/*/release.json || docker image rm "$digest" > /dev/null 2>&1; done
  done
  rm -rf "releases/$1"; }`

/**
 * Shell text for the first script under the lock, when no job runs any more: takes back what a run
 * that broke off before its switch left, and says so in lines that `splitNotes` finds. What a run left
 * that broke off within its switch is for a roll, which knows what is to serve.
 */
export function recoverScript(path: string): string {
  return `(
P=${quote(path)}
cd "$P" 2> /dev/null && [ -d .diveops ] || exit 0
note() { printf '@note %s\\n' "$*"; }
${ENVIRONMENT_FUNCTIONS}${DROP_RELEASE}
switched=$(sed -n 's/.*"event":"switch","release":"\\([^"]*\\)".*/\\1/p' .diveops/journal.jsonl 2> /dev/null | tail -n 1)
if [ -f .diveops/env.undo ]; then
  read -r _ after _ < .diveops/env.undo
  # The live release may be of it already: the run broke off after that.
  if grep -qsF "$after" current/release.json; then env_done
  else env_back; note 'a run broke off before this one: .env is again as it was before'; fi
fi
boxes() { docker ps -aq --no-trunc --filter "label=com.docker.compose.project.working_dir=$P" --filter label=com.docker.compose.oneoff=True --filter name=_release_; }
for box in $(boxes); do
  # Never ended half-way: it may be changing data.
  timeout 600 docker wait "$box" > /dev/null
  docker rm -f "$box" > /dev/null 2>&1
done
rm -rf .diveops/jobs
for folder in releases/*/; do
  id=$(basename "$folder")
  [ -d "$folder" ] && [ ! -f "$folder/release.json" ] && [ "$id" != "$switched" ] || continue
  drop_release "$id"; note "a run broke off before this one: its release $id, which was never live, is removed"
done
rm -f current.new .env.new .env.new.2
) < /dev/null 2> /dev/null
`
}

/** Takes the lines of `recoverScript` off what a script printed. */
export function splitNotes(stdout: string): { notes: string[]; rest: string } {
  const lines = stdout.split('\n')
  const count = lines.findIndex(line => !line.startsWith('@note '))
  const notes = lines.slice(0, count).map(line => line.slice('@note '.length))
  return { notes, rest: lines.slice(count).join('\n') }
}

/**
 * After a switch that came upon a broken one: no bridge and no pin of any run is left, and nothing
 * is lost by that.
 */
export function settleScript(place: Place, { project, built, proxy }: Target): string {
  const words = built.map(quote)
  const drainS = Math.max(...built.map(name => drainSeconds(project.services[name])))
  return onHost(
    place,
    `FRONT=$(ids ${quote(proxy ?? '')} | head -n 1)
${ROLL_FUNCTIONS}
left=$(bridges | tr '\\n' ' ')
if [ -n "$left" ]; then
  step settle
${words.map(word => `  real=$(ids ${word} | tr '\\n' ' '); [ -z "$real" ] || { learn ${word} $real; pin ${word} $real; }`).join('\n')}
  [ -z "$FRONT" ] || { reload && drain ${drainS} $left; }
  remove_bridges || note 'warning: bridges of an interrupted roll could not be removed; run doctor for their names'
fi
${words.map(word => `unpin ${word}`).join('\n')}`
  )
}
