import type { Client, ClientChannel } from 'ssh2'

/**
 * What every account is asked to run. The login shell that reads it may be bash, fish or csh, so
 * there is nothing in it that one of them reads differently; everything else follows on standard
 * input, where no other user of the host sees it. `dd` because busybox's `head -c` reads too far.
 */
const BOOT =
  'sh -c \'IFS= read -r n && eval "$(dd bs=4096 iflag=fullblock,count_bytes status=none count="$n")"\''

/** What ssh2 keeps about channels that are not open yet; not part of its types. */
interface ChannelManager {
  _cur: number
  _channels: Record<number, Opened | undefined>
}
type Opened = ((error: Error | undefined, channel?: ClientChannel) => void) & { type?: string }

/**
 * Opens a channel on which `source`, a POSIX shell program, runs with the channel as standard
 * input, output and error. Resolves as soon as the channel can be written to, which is before the
 * host has answered: what is written at once costs no further round trip. Rejects when the host
 * refuses the channel.
 */
export function openShell(client: Client, source: string): Promise<ClientChannel> {
  const program = Buffer.from(source)
  return new Promise<ClientChannel>((resolve, reject) => {
    const ready = (channel: ClientChannel) => {
      channel.write(Buffer.concat([Buffer.from(`${program.length}\n`), program]))
      resolve(channel)
    }
    let early = false
    client.exec(BOOT, (error, channel) => {
      if (error) reject(error)
      else if (!early) ready(channel)
    })
    early = onOpened(client, ready)
  })
}

/**
 * ssh2 hands a channel out when the host has confirmed the command, one round trip after it could
 * be written to. This looks at the channel that was just asked for, and says whether it could.
 */
function onOpened(client: Client, ready: (channel: ClientChannel) => void): boolean {
  const manager = (client as unknown as { _chanMgr?: ChannelManager })._chanMgr
  const opened = manager?._channels?.[manager._cur]
  if (manager === undefined || typeof opened !== 'function') return false
  const watched: Opened = (error, channel) => {
    opened(error, channel)
    if (channel !== undefined) ready(channel)
  }
  if (opened.type !== undefined) watched.type = opened.type
  manager._channels[manager._cur] = watched
  return true
}
