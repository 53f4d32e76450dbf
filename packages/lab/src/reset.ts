import { type BoxName, container } from './boxes.ts'
import { docker } from './docker.ts'
import { vpsExec } from './exec.ts'
import { linkNames } from './names.ts'
import { savedPorts } from './ports.ts'
import { waitUntilReady } from './ready.ts'

/**
 * Removes everything of an app from the server, by the engine, the file system and cron, as if it had
 * never been deployed to. Public images stay, or each test would fetch them again.
 */
const RESET = `
lab-engine start
pkill -KILL -u captain || true
docker ps -aq | xargs -r docker rm -f -v
docker volume ls -q | xargs -r docker volume rm -f
docker network prune -f
docker image ls --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}' |
  while read -r name tag digest; do
    case $name in
      ghcr.io/*|diveops.local/*) ;;
      *) continue ;;
    esac
    if [ "$tag" != '<none>' ]; then docker rmi -f "$name:$tag"; fi
    if [ "$digest" != '<none>' ]; then docker rmi -f "$name@$digest"; fi
  done
docker image prune -f
crontab -r -u captain || true
crontab -r || true
find /opt/diveops /tmp /home/captain -mindepth 1 -path /home/captain/.ssh -prune -o -mindepth 1 -print0 |
  xargs -0r rm -rf
su captain -c 'cp -r /etc/skel/. /home/captain'
chown captain:captain /opt/diveops
chmod 755 /opt/diveops
: > /var/log/sshd.log
`

/** Makes the server as it was before anything was deployed to it, but for public images. */
export async function resetVps(): Promise<void> {
  const { code, stderr } = await vpsExec(`{ ${RESET} } >/dev/null`)
  if (code !== 0) throw new Error(`the server could not be reset: ${stderr}`)
}

/** Stops the server's Docker engine, with its containers. */
export async function stopVpsEngine(): Promise<void> {
  await engine('stop')
}

/** Starts the server's Docker engine, which starts the containers that are to run. */
export async function startVpsEngine(): Promise<void> {
  await engine('start')
}

/** Restarts the server's Docker engine. */
export async function restartVpsEngine(): Promise<void> {
  await engine('restart')
}

/** Switches the server off and on again: every process dies at once, and nothing says goodbye. */
export async function rebootVps(): Promise<void> {
  await docker(['kill', container('vps')])
  await start('vps')
}

/** Ends the registry that answers as ghcr.io, with every pull that is under way. */
export async function stopRegistry(): Promise<void> {
  await docker(['kill', container('registry')])
}

/** Starts the registry again and waits until it answers. */
export async function startRegistry(): Promise<void> {
  await start('registry')
}

/** Starts a box and waits until the lab is whole; its address may be another one. */
async function start(box: BoxName): Promise<void> {
  await docker(['start', container(box)])
  const ports = await savedPorts()
  if (ports) await waitUntilReady(ports)
  await linkNames()
}

async function engine(verb: string): Promise<void> {
  const { code, stderr } = await vpsExec(`lab-engine ${verb}`)
  if (code !== 0) throw new Error(`'lab-engine ${verb}' failed on the server: ${stderr}`)
}
