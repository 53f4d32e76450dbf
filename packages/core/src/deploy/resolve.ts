import { PASSWORD_IN_ADDRESS, SECRET_WORDS } from '../base/secrets.ts'
import { quote } from '../base/shell.ts'

/** When the variable in `line`, whose name in capitals is `name`, holds a secret: for awk. */
export const HOLDS_SECRET = `name ~ /${SECRET_WORDS}/ || line ~ /${PASSWORD_IN_ADDRESS.replaceAll('/', '\\/')}/`

/**
 * Shell function `scrub`: takes the values of secrets, and comments, out of a .env before compose
 * resolves a file with it, so that the resolved configuration can be read by the runner. Follows quoted
 * values over several lines.
 */
export const SCRUB = String.raw`
scrub() { awk -v quotes="'\"" '
  open { if (!hide) print; if (index($0, q)) open = 0; next }
  /^[ \t]*#/ { next }
  match($0, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) {
    line = $0; name = toupper(substr(line, 1, RLENGTH)); hide = ${HOLDS_SECRET}
    rest = substr(line, RLENGTH + 1); sub(/^[ \t]+/, "", rest); q = substr(rest, 1, 1)
    open = q != "" && index(quotes, q) && !index(substr(rest, 2), q)
    print hide ? substr(line, 1, RLENGTH) "redacted" : line; next
  }
  { print }'; }`

/**
 * Prints the compose file that lies in a folder as the host's own compose resolves it, with the
 * app's path in place of the folder's, and values of secret variables replaced. Both are shell
 * expressions. Needs `$P`, and the `scrub` function.
 */
export function resolveConfig(folder: string, compose: string): string {
  return `cd ${folder} && { cat "$SCRATCH/secret/placeholders" 2> /dev/null; [ -f "$P/.env" ] && scrub < "$P/.env"; true; } > .env
docker compose -f ${compose} config --format json > "$SCRATCH/config.json" 2> "$SCRATCH/config.err"; code=$?
sed "s#$(pwd -P)#$P#g; s#$(pwd)#$P#g" "$SCRATCH/config.json"; exit $code`
}

/** The script that resolves the compose file of a kept release, with today's `.env`. */
export function keptConfigScript(path: string, release: string, composeFile: string): string {
  const name = quote(path.slice(path.lastIndexOf('/') + 1))
  const folder = `"$SCRATCH/kept/"${name}`
  return `P=${quote(path)}
${SCRUB}
rm -rf ${folder} && mkdir -p "$SCRATCH/kept" && cp -R "$P/releases/"${quote(release)} ${folder} || exit 1
${resolveConfig(folder, quote(composeFile))}`
}

/** The files of the new release lie here on the host until they are taken over: a shell expression. */
export function stagePath(path: string): string {
  // The folder's name is the app's own, because compose takes the project's name from it.
  return `"$SCRATCH/stage/"${quote(path.slice(path.lastIndexOf('/') + 1))}`
}

/** Prints the name of the compose project that was resolved. */
export const PROJECT_NAME = `sed -n 's/^  "name": "\\([^"]*\\)".*/\\1/p' "$SCRATCH/config.json" 2> /dev/null | head -n 1`
