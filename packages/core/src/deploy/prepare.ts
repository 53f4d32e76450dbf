import { bindVolumeFolders, mountsFrom, type Service } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import { loginKey } from '../docker/login.ts'
import { parseReference } from '../docker/reference.ts'
import { keptImage } from '../release/identity.ts'
import { environmentStep } from './environment.ts'
import type { Facts } from './facts.ts'
import { placeFiles } from './files.ts'
import { onHost, type Place } from './library.ts'
import { stagePath } from './resolve.ts'
import { spareKb, yieldingReleases, yieldOne } from './room.ts'
import type { Target } from './target.ts'

/** Where the facts' tar put the registry login: a shell expression. */
const DOCKER_LOGIN = '"$SCRATCH/secret/docker"'
/** Where the host's user keeps logins of his own. */
const USER_LOGIN = `"\${DOCKER_CONFIG:-$HOME/.docker}"`

/** The image may take this much of its compressed size while it is unpacked. */
const UNPACKED_RATIO = 2.5

/** What of the facts decides what to pull, and what gives way for it. */
type Known = Pick<Facts, 'missingImages' | 'releases' | 'current'>

/**
 * Steps upload, environment and pull in one script: everything that can be done while the old
 * release serves. A failure leaves the live site as it was.
 */
export function prepareScript(place: Place, target: Target, known: Known): string {
  return onHost(
    place,
    [upload(place, target), environmentStep(target), pull(place, target, known)].join('\n')
  )
}

/** Steps environment and pull, for a release whose files are on the host already. */
export function prepareKeptScript(place: Place, target: Target, known: Known): string {
  return onHost(place, [environmentStep(target), pull(place, target, known)].join('\n'))
}

function upload(place: Place, target: Target): string {
  const certs = `${place.path}/certs`
  const folders = [
    ...bindVolumeFolders(target.project).filter(folder => folder.startsWith(`${place.path}/`)),
    // The engine would make it for root alone.
    ...(mountsFrom(target.project, certs) ? [certs] : [])
  ]
  return `step upload
umask 022
mkdir -p releases .diveops ${folders.map(quote).join(' ')} && chmod 700 releases .diveops || fail "cannot make folders in $P"
R="$P/releases/"${quote(place.release)}
rm -rf "$R" && mkdir -m 700 "$R" && cp -R ${stagePath(place.path)}/. "$R/" && rm -f "$R/.env" || { free=$(df -Pk releases | awk 'END { print $4 }'); rm -rf "$R"; fail "cannot write $R: $free KB free"; }
if [ -z "$(docker ps -aq --filter "label=com.docker.compose.project=$N")" ]; then
  # Nothing runs yet, so nothing can be disturbed; databases may mount files of the release.
${placeFiles(place.release, target)}
fi`
}

function pull(place: Place, target: Target, known: Known): string {
  const { image, built } = target
  const { registry } = parseReference(image)
  const yielding = yieldingReleases(known, place.release)
  const others = known.missingImages.filter(
    name => !built.some(one => target.project.services[one]?.image === name)
  )
  return `step pull
image=${quote(image)}
# Written by the shell itself: no argument of any process holds the login.
mkdir -p ${DOCKER_LOGIN} && if [ -f "$SCRATCH/secret/auth" ]; then
  printf '{"auths":{"%s":{"auth":"%s"}}}' ${quote(loginKey(registry))} "$(cat "$SCRATCH/secret/auth")" > "$SCRATCH/secret/docker/config.json"
fi
layers() { # IMAGE FILE: puts there digest and compressed size of each layer for this machine, nothing when the registry does not tell
  : > "$2"
  docker --config ${DOCKER_LOGIN} manifest inspect "$1" > "$SCRATCH/manifest" 2>/dev/null || return 0
  if grep -q '"manifests"' "$SCRATCH/manifest"; then
    arch=$(docker version -f '{{.Server.Arch}}')
    digest=$(awk -v arch="\\"$arch\\"" '/"digest"/ { d = $2 } /"architecture"/ && index($0, arch) { print d; exit }' "$SCRATCH/manifest" | tr -d '",')
    [ -n "$digest" ] || fail "image $1 has nothing for this host's architecture ($arch); build it with platforms: linux/$arch"
    docker --config ${DOCKER_LOGIN} manifest inspect "\${1%@*}@$digest" > "$SCRATCH/manifest" 2>/dev/null || return 0
  fi
  tr -d '",' < "$SCRATCH/manifest" | awk '$1 == "size:" { size = $2 } $1 == "digest:" { digest = $2 } $1 == "}" && digest { print digest, size; digest = "" }' > "$2"; }
unpacked_kb() { # [FILE]: what the layers in $SCRATCH/layers take that are not in the file
  awk -v file="$1" 'BEGIN { while (file != "" && (getline line < file) > 0) there[line] = 1 }
    !($0 in there) { n += $2 } END { print int(n / 1024 * ${UNPACKED_RATIO}) }' "$SCRATCH/layers"; }
free_kb() { df -Pk "$(docker info -f '{{.DockerRootDir}}')" 2>/dev/null | awk 'END { print $4 }'; }
too_small() { fail "the disk of the host is too small for image $1: $2; remove what is not needed (docker system df shows what takes space)"; }
${yieldOne(place, known.releases, yielding)}
${spareKb(known.releases, yielding)}
make_room() { # for $image: short of it, layers of the live release count for nothing, then old releases give way if that helps
  layers "$image" "$SCRATCH/layers"; need=$(unpacked_kb)
  ${known.current ? `enough || { layers ${quote(known.current.image)} "$SCRATCH/there"; need=$(unpacked_kb "$SCRATCH/there"); }` : ''}
  enough || [ "$((have + $(spare_kb)))" -ge "$need" ] || too_little
  until enough; do yield_one || too_little; done; }
too_little() { too_small "$image" "it needs about $((need / 1024)) MB and $((have / 1024)) MB are free"; }
enough() { have=$(free_kb); [ "\${have:-$need}" -ge "$need" ]; }
pull_image() { # IMAGE CONFIG
  tries=0
  while [ "$tries" -lt 3 ]; do
    docker --config "$2" pull "$1" > "$SCRATCH/pull.out" 2>&1 </dev/null && return
    said=$(grep -v '^$' "$SCRATCH/pull.out" | tail -n 1)
    case $said in
      *unauthorized*|*denied*|*'authentication required'*|*'no basic auth'*|*'incorrect username or password'*)
        fail "the registry refused the token for $1 ($said); check that input 'registry-token' is valid for this image and may read packages" ;;
      *'not found'*|*'manifest unknown'*) fail "image $1 is not in the registry ($said)" ;;
      *'no space left'*) yield_one && continue; too_small "$1" "$(free_kb) KB free" ;;
    esac
    tries=$((tries + 1)); sleep 2
  done
  fail "image $1 could not be pulled in three tries: $said"; }
if docker image inspect "$image" > /dev/null 2>&1; then note "image is on the host already"; else
  make_room
  pull_image "$image" ${DOCKER_LOGIN}
fi
${others
  .map(name => {
    // The run's login is for its own registry; for others the host's user may have one.
    const config = parseReference(name).registry === registry ? DOCKER_LOGIN : USER_LOGIN
    return `pull_image ${quote(name)} ${config}`
  })
  .join('\n')}
${built.map(name => `docker tag "$image" ${quote(keptImage(place.project, name, place.release))} || fail "cannot tag $image"`).join('\n')}
rm -rf "$SCRATCH/secret"
docker image inspect -f '@image {{.Id}} {{json .Config}}' "$image"`
}

/** Says what the steps environment and pull said, of what they left. */
export function saidScript(place: Place, { image }: Target): string {
  return onHost(
    place,
    `printf '@env %s\\n' "$(hash_env)"
docker image inspect -f '@image {{.Id}} {{json .Config}}' ${quote(image)}`
  )
}

/** The health test of a service: its own in the compose file, else the image's. */
export function healthTest(
  service: Service | undefined,
  imageTest: string[] | null
): string[] | null {
  if (service?.healthcheck?.disable) return null
  return service?.healthcheck?.test ?? imageTest
}
