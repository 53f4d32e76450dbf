import { containerPath, hostPath, type Project } from '../app/compose.ts'
import type { CertificateFile, Reading, Trouble } from '../tls/look.ts'

/** A file under `certs/` as the host has it. */
export type HostCertificate = (CertificateFile & { real: string | undefined }) | Trouble

/** The last renewal of the certificates, as `.diveops/tls.json` on the host has it. */
export interface Renewal {
  at: string
  result: 'ok' | 'failed'
  error: string | undefined
}

/** Contents of more files, and more certificates of one file, are not read. */
const MOST_FILES = 200
const MOST_IN_FILE = 5

/**
 * Lists a folder (`$1`) for certificates and keys and prints each: `@trouble path`, or `@file path`
 * and the content, a space before each line; `@closed` when a folder may not be entered, `@end`.
 * Runs on the host (`$2` is `host`: where links lead is told, too) and, where only root may read, in
 * the proxy's container as nginx would read it; so it is POSIX and no more than busybox has.
 */
const READER = `LC_ALL=C; export LC_ALL
cd "$1" || exit 1
n=0
find -L . -maxdepth 4 "(" -name archive -o -name accounts -o -name logs ")" -prune -o "(" -type f -o -type l ")" "(" -name "*.pem" -o -name "*.crt" -o -name "*.key" ")" -print 2>&1 | sort -r | while IFS= read -r f; do
  case $f in
    ./*/chain.pem|./chain.pem) [ ! -e "$(dirname "$f")/fullchain.pem" ] || continue ;;
    ./*) ;;
    *) echo "@closed ."; continue ;;
  esac
  n=$((n + 1))
  if [ ! -e "$f" ]; then
    if ls -lL "$f" 2>&1 | grep -qi "permission denied"; then echo "@unreadable $f"; else echo "@dangling $f"; fi
  elif [ ! -r "$f" ] || [ "$n" -gt ${MOST_FILES} ]; then echo "@unreadable $f"
  elif [ ! -s "$f" ]; then echo "@empty $f"
  else
    echo "@file $f"
    if [ "$2" = host ]; then
      real=$(readlink -f "$f"); here=$(pwd -P)
      case $real in "$here"/*) real=./$(printf %s "$real" | tail -c +$(($(printf %s "$here" | wc -c) + 2))) ;; esac
      echo "@real $real"
    fi
    head -c 65536 "$f" | sed "s/^/ /"; echo
  fi
done
echo "@end ."`

/**
 * Takes of what `READER` prints for the folder `$1` the certificates as they are, and of a private
 * key only the public half: keys do not leave the host.
 */
const DIGEST = String.raw`folder=$1 openssl=$(command -v openssl) awk '
  function flush() {
    if (key != "") {
      if (ENVIRON["openssl"] == "" || key ~ /ENCRYPTED/) print "@key unknown"
      else { fflush(); print key | half; close(half) }
    }
    key = ""; text = ""; count = 0; inside = 0 }
  BEGIN { half = "openssl pkey -pubout 2> /dev/null | sed \"s/^/ /\" | grep . || echo \"@key broken\"" }
  /^@/ {
    if ($1 != "@real") flush()
    at = index($0, " "); path = substr($0, at + 1)
    if (path ~ /^\.(\/|$)/) path = ENVIRON["folder"] substr(path, 2)
    print $1 " " path; next }
  /^ -----BEGIN .*CERTIFICATE-----/ { inside = 1; count++ }
  inside && count <= ${MOST_IN_FILE} { print }
  !inside { text = text substr($0, 2) "\n" }
  /^ -----END .*CERTIFICATE-----/ { inside = 0 }
  /^ -----END .*PRIVATE KEY-----/ { key = text }
  END { flush() }'`

/**
 * The probe that reads certificates and keys under `$P/certs`: also through the container of the
 * proxy, wherever it has the folder, when the host's user may not read all of them. Needs `$P` and
 * the function `front`.
 */
export const CERTIFICATES_PROBE = `[ -d "$P/certs" ] || exit 0
reader='${READER}'
digest() { ${DIGEST}; }
sh -c "$reader" sh "$P/certs" host 2> /dev/null | digest "$P/certs" > "$SCRATCH/certificates"
grep -v '^@closed ' "$SCRATCH/certificates"
if grep -q '^@end ' "$SCRATCH/certificates"; then
  grep -qE '^@(unreadable|dangling|closed) ' "$SCRATCH/certificates" || exit 0
fi
box=$(front); seen=
[ -z "$box" ] || docker inspect -f '{{range .Mounts}}{{println .Type .Destination}}{{println .Name}}{{println .Source}}{{end}}' "$box" > "$SCRATCH/mounts"
[ -z "$box" ] || while read -r type inside && read -r name && read -r source; do
  [ "$type" != volume ] || source=$(docker volume inspect -f '{{index .Options "device"}}' "$name" 2> /dev/null)
  case $source in "$P/certs"|"$P/certs"/*) ;; *) continue ;; esac
  docker exec "$box" sh -c "$reader" sh "$inside" < /dev/null 2> /dev/null | digest "$source" > "$SCRATCH/inside"
  grep -v '^@closed ' "$SCRATCH/inside" && seen=yes
done < "$SCRATCH/mounts"
[ -n "$seen" ] || echo "@unreadable $P/certs"`

/** The files that the probe printed, by their paths on the host. */
export function readCertificates(text: string): Map<string, HostCertificate> {
  const found = new Map<string, HostCertificate>()
  // What came later was read as nginx reads it, and counts.
  for (const piece of text.split(/^(?=@(?!real |key ))/m)) {
    const [head = '', ...lines] = piece.trimEnd().split('\n')
    const [, kind, path] = /^@(\S+) (.+)$/.exec(head) ?? []
    if (kind === undefined || path === undefined || kind === 'end') continue
    found.set(path, kind === 'file' ? certificateFile(lines) : (kind as Trouble))
  }
  return found
}

function certificateFile(lines: readonly string[]): HostCertificate {
  const text = lines.flatMap(line => (line.startsWith(' ') ? line.slice(1) : [])).join('\n')
  const told = (name: string) =>
    lines.find(line => line.startsWith(`@${name} `))?.slice(name.length + 2)
  const block = (kind: string) =>
    text.match(new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----[^]*?-----END[^\\n]*`, 'g')) ?? []
  return {
    certificates: block('CERTIFICATE').join('\n'),
    publicKey: told('key') ?? block('PUBLIC KEY')[0],
    real: told('real')
  }
}

/** What a file named in an nginx configuration is on the host, for `look`. */
export function readingFor(
  project: Project,
  proxy: string,
  certificates: ReadonlyMap<string, HostCertificate>
): Reading {
  return path => {
    const onHost = hostPath(project, proxy, path)
    if (onHost === undefined) return 'missing'
    const file = certificates.get(onHost)
    if (file === undefined) return closedAbove(onHost) ? 'unreadable' : 'missing'
    if (typeof file === 'string') return file
    const { real } = file
    if (real === undefined || containerPath(project, proxy, real) !== undefined) return file
    return 'not-mounted'
  }

  function closedAbove(file: string): boolean {
    return [...certificates].some(
      ([folder, state]) => state === 'unreadable' && file.startsWith(`${folder}/`)
    )
  }
}

/** Reads `.diveops/tls.json`; undefined when it says nothing of a renewal. */
export function parseRenewal(text: string): Renewal | undefined {
  try {
    const { renewal } = JSON.parse(text) as { renewal?: Record<string, unknown> }
    const { at, result, error } = renewal ?? {}
    if (typeof at !== 'string' || (result !== 'ok' && result !== 'failed')) return undefined
    return { at, result, error: typeof error === 'string' ? error : undefined }
  } catch {
    return undefined
  }
}
