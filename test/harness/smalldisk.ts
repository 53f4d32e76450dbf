import { vpsExec } from '@diveops/lab'

/** Where the file system is that stands in for the disk of the server's images. */
const FOLDER = '/small'

async function asRoot(script: string): Promise<void> {
  const { code, stdout, stderr } = await vpsExec(`set -e\n${script}`)
  if (code !== 0) throw new Error(`${script}: ${stdout}${stderr}`)
}

/** Gives the server's engine an empty disk of its own, with room for everything at first. */
export async function putInDisk(): Promise<void> {
  await asRoot(`lab-engine stop
mkdir -p ${FOLDER} && mount -t tmpfs -o size=3g tmpfs ${FOLDER}
cp /etc/docker/daemon.json /root/daemon.json
sed 's#^{#{"data-root": "${FOLDER}/docker",#' /root/daemon.json > /etc/docker/daemon.json
lab-engine start`)
}

/** Fills that disk but for so many megabytes. */
export async function leaveFree(megabytes: number): Promise<void> {
  await asRoot(`rm -f ${FOLDER}/ballast
free=$(df -Pm ${FOLDER} | awk 'END { print $4 }')
fallocate -l $((free - ${megabytes}))M ${FOLDER}/ballast`)
}

/** Gives the engine its own disk back, and what was on it. */
export async function takeOutDisk(): Promise<void> {
  await asRoot(`lab-engine stop
umount ${FOLDER} && rmdir ${FOLDER}
mv /root/daemon.json /etc/docker/daemon.json
lab-engine start`)
}
