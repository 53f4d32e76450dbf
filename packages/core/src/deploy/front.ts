import { frontProbe } from '../proxy/look.ts'

/** Shell function that names the container which publishes port 80 or 443; needs `project`. */
export const FRONT =
  'front() { docker ps -q --filter "label=com.docker.compose.project=$(project)" --filter publish=80 --filter publish=443 | head -n 1; }'

/** Prints which proxy that is and what it reads. */
export const FRONT_PROBE = `box=$(front); [ -n "$box" ] || exit 1
${frontProbe('"$box"')}`
