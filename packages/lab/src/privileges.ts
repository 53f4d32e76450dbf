import { tryDocker } from './docker.ts'

/** Everything that a container may do, short of what this machine itself may not. */
const WITHOUT_PRIVILEGED = [
  ...['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE'],
  ...['seccomp', 'apparmor', 'systempaths'].flatMap(name => {
    return ['--security-opt', `${name}=unconfined`]
  }),
  '--cgroupns=host',
  ...['--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw']
]

/**
 * The options of `docker run` that let a container run an engine of its own. `--privileged` fails
 * where the machine lacks a capability, as in some virtual machines; then nearly the same in detail.
 */
export async function enginePrivileges(image: string): Promise<readonly string[]> {
  const words = ['run', '--rm', '--privileged', '--entrypoint', 'true', image]
  return (await tryDocker(words)).code === 0 ? ['--privileged'] : WITHOUT_PRIVILEGED
}
