import { quote } from '../base/shell.ts'
import { drainSeconds } from './drain.ts'
import { type Recreate, readyTest, startService, tagImage } from './recreate.ts'
import type { Replicas } from './replicas.ts'
import type { Tactic } from './tactics.ts'
import type { Target } from './target.ts'

/** What a roll needs to know beside the target. */
export interface Roll extends Recreate {
  tactics: ReadonlyMap<string, Tactic>
  replicas: Replicas
  /** Whether the proxy's own container must be made anew, which is a gap. */
  replaceProxy: boolean
  /** A way back to an earlier release: what came first goes last. */
  back: boolean
  bakeS: number
  /** Share of error answers to visitors that is taken while the release is watched. */
  errorsPercent: number
  /** Asked through the proxy, such as `https://a.example`. */
  origins: readonly string[]
}

/** Replaces the containers of one service by way of bridges, as many as there are to be containers. */
export function rollService(name: string, target: Target, roll: Roll): string {
  const word = quote(name)
  const test = readyTest(target, name, roll)
  const unsteady = quote(`service '${name}' did not stay healthy while it was watched`)
  const drainS = drainSeconds(target.project.services[name])
  // Caddy keeps idle connections for minutes, so that they tell nothing.
  const late = `[ "$FRONT_KIND" = caddy ] || note 'after ${drainS} s connections from before the switch are still open; they are cut now'`
  const scale = `$([ "$count" -lt 2 ] || echo "--scale "${word}"=$count")`
  const override = JSON.stringify({
    services: { [name]: { image: target.image, pull_policy: 'never' } }
  })
  return `step 'roll ${name}'
real=$(ids ${word} | tr '\\n' ' '); count=${roll.replicas.get(name) ?? '$(echo $real | wc -w)'}
learn ${word} $real
bridge="$(docker inspect -f '{{slice .Name 1}}' $(echo $real | cut -d ' ' -f 1))_bridge-$RELEASE"
# What serves now goes on serving: the real containers, or the bridges that an earlier run left when
# the real ones could not take over from them.
serving=$real; left=$(bridges ${word} | tr '\\n' ' ')
[ -z "$left" ] || for each in $real; do wait_ready 2 "$each" ${test} || serving=$left; done
undo() { # WHY: what serves goes on serving, and nothing of this release does
  files_back; env_back
  [ -z "$new" ] || docker rm -f $new > /dev/null 2>&1
  unpin ${word}; undone; fail "$1"; }
new= n=0
pin ${word} $serving || undo ${quote(`/etc/hosts of service '${target.proxy}' cannot be written; use strategy: recreate`)}
remember & memory=$!
while [ "$(echo $new | wc -w)" -lt "$count" ]; do
  n=$((n + 1)); box="$bridge-$n"
  ! docker inspect "$box" > /dev/null 2>&1 || continue
  docker compose --project-directory "$P" -p "$N" -f "$R/$C" -f - run -d --no-deps --use-aliases --name "$box" ${word} > "$SCRATCH/run.out" 2>&1 <<'OVERRIDE' || {
${override}
OVERRIDE
    show 'compose said:' < "$SCRATCH/run.out"; docker rm -f "$box" > /dev/null 2>&1; undo ${quote(`the bridge of service '${name}' could not be started`)}; }
  docker update --restart unless-stopped "$box" > /dev/null
  new="$new $(docker inspect -f '{{.Id}}' "$box")"
done
back() { # WHY CONTAINER: the old containers take over again
  decided=$(seconds)
  pin ${word} $serving; files_back
  # What the bridges still answer is answered to its end.
  reload && { took "$decided" 'pinned back'; drain ${drainS} $new; }
  explain "$2"
  [ "$serving" != "$real" ] || new=$(bridges ${word})
  undo "$1"; }
for each in $new; do
  wait_ready ${roll.timeoutS} "$each" ${test}
  case $? in
    0) ;;
    1) back ${quote(`service '${name}' was not healthy within ${roll.timeoutS} s`)} "$each" ;;
    *) back "service '${name}' ended by itself with exit code $(docker inspect -f '{{.State.ExitCode}}' "$each") before it was healthy" "$each" ;;
  esac
done
note ${quote(`the bridge of ${name} is healthy`)}
${compare(name, roll)}
wait "$memory"
${roll.replaceProxy ? '' : 'place_files'}
pin ${word} $new && reload || { show 'the proxy said:' < "$SCRATCH/front.out"; back "$FRONT_KIND refuses the configuration of this release" $new; }
step 'bake ${name}'
bake ${roll.bakeS} ${roll.errorsPercent} "$new" ${test} || back ${unsteady}": $why" $new
step 'replace ${name}'
drain ${drainS} $serving || ${late}
moved $serving || back ${unsteady}": $why" $new
${tagImage(target, [name])}
replaced=yes
dc rm -sf ${word} > "$SCRATCH/up.out" 2>&1 && dc create --no-recreate --no-build --pull never ${scale} ${word} >> "$SCRATCH/up.out" 2>&1 || {
  show 'compose said:' < "$SCRATCH/up.out"; fail ${quote(`service '${name}' could not be made anew; its bridge serves`)}; }
${startService(name)}
must_be_ready ${roll.timeoutS} ${word} ${test}
pin ${word} $(ids ${word}) && reload || fail "$FRONT_KIND could not be pointed to service "${quote(`'${name}'; its bridge serves`)}
serves || fail ${quote(`the site does not answer after service '${name}' was replaced`)}": $why"
drain ${drainS} $(bridges ${word}) || ${late}
remove_bridges ${word} || fail ${quote(`the bridge of service '${name}' could not be removed`)}
unpin ${word}
[ "$count" -lt 2 ] || reload`
}

/** Asks old and new the same where HTTP is spoken, so that no visitor sees a release that is plainly worse. */
function compare(name: string, { doors }: Roll): string {
  const door = doors.get(name)
  if (door === undefined || door.speaks === 'other') return ''
  return `for each in $new; do
  ! worse ${door.port} ${door.speaks} "$(echo $serving | cut -d ' ' -f 1)" "$each" || back ${quote(`service '${name}' would answer`)}" $why" "$each"
done`
}
