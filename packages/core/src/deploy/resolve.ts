import { quote } from '../base/shell.ts'

/**
 * Values of secret variables are replaced on the host before its compose resolves the file, so that
 * the resolved configuration can be read by the runner. Follows quoted values over several lines.
 */
export const SCRUB = String.raw`
scrub() { awk -v quotes="'\"" '
  skip { if (index($0, q)) skip = 0; next }
  match($0, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) {
    name = toupper(substr($0, 1, RLENGTH))
    if (name ~ /PASSWORD|PASSWD|SECRET|TOKEN|KEY|DSN|CREDENTIAL/) {
      rest = substr($0, RLENGTH + 1); sub(/^[ \t]+/, "", rest); q = substr(rest, 1, 1)
      if (q != "" && index(quotes, q) && !index(substr(rest, 2), q)) skip = 1
      print substr($0, 1, RLENGTH) "redacted"; next
    }
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
