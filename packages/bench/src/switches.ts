import { command } from '@diveops/core/base/shell'
import { APP, type AppImage } from './app.ts'
import { ourDeploy, ourRollback, type Sample, type Way } from './ours.ts'
import { overSsh } from './remote.ts'

/** What a switch works on. */
export interface Stage {
  /** What visitors see before and after it. */
  from: AppImage
  to: AppImage
  /** Healthy, and of no use to visitors. */
  bad: AppImage
  /** The same, but its front page is good. */
  badInside: AppImage
  workspace: string
  signal: AbortSignal
}

/** A way to put another image live on a server that has both images. */
export interface Switch {
  name: string
  /** What visitors see when it is over. */
  leaves: 'from' | 'to'
  /** What must be true before the load begins. */
  before?(stage: Stage): Promise<void>
  /** What is measured. */
  go(stage: Stage): Promise<Sample>
  /** Puts the first image back as it was; for what the next switch does not begin with. */
  after?(stage: Stage): Promise<void>
}

/** What is compared, each beginning where the one before it ended. */
export const SWITCHES: readonly Switch[] = [
  {
    name: 'deploy-vps',
    leaves: 'to',
    go: ({ to, workspace, signal }) => ourDeploy(to, 'live', byRoll(workspace), signal)
  },
  { name: 'rollback', leaves: 'from', go: ({ signal }) => ourRollback(signal) },
  {
    name: 'deploy-vps, a bad release',
    leaves: 'from',
    go: ({ bad, workspace, signal }) => ourDeploy(bad, 'restored', byRoll(workspace), signal)
  },
  {
    name: 'deploy-vps, bad inside',
    leaves: 'from',
    go: ({ badInside, workspace, signal }) =>
      ourDeploy(badInside, 'restored', byRoll(workspace), signal)
  },
  {
    name: 'docker-rollout, plain nginx',
    leaves: 'to',
    before: async ({ to, signal }) => {
      await overSsh(`cd ${APP.path} && ${tag(to)} && ${RESOLVE_AT_RUN_TIME}`, signal)
    },
    go: ({ signal }) => script(ROLLOUT, signal),
    after: putBack
  },
  {
    name: 'up -d --force-recreate',
    leaves: 'to',
    before: async ({ to, signal }) => {
      await overSsh(tag(to), signal)
    },
    go: ({ signal }) => script(`${COMPOSE} up -d --force-recreate`, signal),
    after: putBack
  }
]

const COMPOSE = `docker compose -f ${APP.compose}`
const { service, container } = APP.web

/**
 * nginx as users of docker-rollout without Traefik or nginx-proxy have it: it asks the engine's DNS
 * anew each second. With the usual `proxy_pass http://web:8000` it would never find the new one.
 */
const RESOLVE_AT_RUN_TIME = `cat > ${APP.proxyConf} <<'FILE' && docker exec ${APP.proxy.container} nginx -s reload
server {
    listen 80 default_server;
    resolver 127.0.0.11 valid=1s;
    set $service ${service};
    location / {
        proxy_pass http://$service:8000;
        proxy_set_header Host $host;
    }
}
FILE
true`

/** As docker-rollout v0.13 goes about it: two of them, healthy asked each second, the old one away. */
const ROLLOUT = `old=$(docker ps -q --no-trunc --filter name=^${container}$)
${COMPOSE} up --detach --scale ${service}=2 --no-recreate ${service} || exit 1
new=$(${COMPOSE} ps --quiet ${service} | grep -v "$old")
tries=0
until [ "$(docker inspect -f '{{.State.Health.Status}}' "$new")" = healthy ]; do
  tries=$((tries + 1)); [ "$tries" -lt 60 ] || exit 1; sleep 1
done
docker stop "$old" && docker rm "$old"`

function byRoll(workspace: string): Way {
  return { route: 'direct', strategy: 'roll', workspace }
}

function tag({ digest }: AppImage): string {
  return command(['docker', 'tag', `${APP.image}@${digest}`, `${APP.image}:latest`])
}

async function script(text: string, signal: AbortSignal): Promise<Sample> {
  const { ms } = await overSsh(`cd ${APP.path} && { ${text}\n}`, signal)
  return { ms, parts: {} }
}

async function putBack({ from, workspace, signal }: Stage): Promise<void> {
  await ourDeploy(from, 'live', { route: 'direct', strategy: 'recreate', workspace }, signal)
}
