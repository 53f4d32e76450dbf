import { PASSWORD_IN_ADDRESS, SECRET_WORDS } from '../base/secrets.ts'
import { quote } from '../base/shell.ts'

/** A password in an address, between slashes: for awk. */
export const ADDRESS_PATTERN = `/${PASSWORD_IN_ADDRESS.replaceAll('/', '\\/')}/`
/** When the variable in `line`, whose name in capitals is `name`, holds a secret: for awk. */
export const HOLDS_SECRET = `name ~ /${SECRET_WORDS}/ || line ~ ${ADDRESS_PATTERN}`

/**
 * Shell function `scrub [NAMES]`: takes the values of secrets, and comments, out of a .env before compose
 * resolves a file with it, so that the resolved configuration can be read by the runner; given names
 * (with blanks around each), the values of all other variables, too, and what is no variable. Follows quoted values over several
 * lines; where it is in doubt whether one has ended, it takes out more.
 */
export const SCRUB = String.raw`
scrub() { awk -v quotes="'\"" -v some=$# -v names="${'$'}{1-}" '
  function closed(text) { if (hide) gsub(/\\./, "", text); return index(text, q) }
  open && (hide || $0 !~ /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) {
    if (!hide) print; if (closed($0)) open = 0; next }
  /^[ \t]*#/ { next }
  match($0, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) {
    line = $0; head = substr(line, 1, RLENGTH); rest = substr(line, RLENGTH + 1); name = toupper(head)
    bare = head; sub(/^[ \t]*(export[ \t]+)?/, "", bare); sub(/[ \t]*=$/, "", bare)
    hide = ${HOLDS_SECRET} || (some && !index(names, " " bare " "))
    sub(/^[ \t]+/, "", rest); q = substr(rest, 1, 1)
    open = q != "" && index(quotes, q) && !closed(substr(rest, 2))
    print hide ? head "redacted" : line; next
  }
  !some { print }'; }`

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
