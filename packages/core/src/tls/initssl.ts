import { sha256 } from '../base/hash.ts'
import { quote } from '../base/shell.ts'
import { CERTBOT_IMAGE, MAKE_FOLDERS, TRUST_WORDS } from './certbot.ts'
import { CERTIFICATES_PROGRAM } from './certificatesprogram.ts'
import type { Lineage } from './lineages.ts'
import { RENEWAL_PROGRAM } from './renewalprogram.ts'

/** What the script on the host is told; see the comments in its head. */
export interface InitSslSettings {
  /** The app's folder, its compose project and its proxy's service. */
  path: string
  project: string
  proxy: string
  /** Folders on the host: certbot's /etc/letsencrypt, and where challenges are served from. */
  certs: string
  webroot: string
  email: string | undefined
  directory: string
  staging: string | undefined
  profile: string
  lineages: readonly Lineage[]
}

/** Exit code of the script when at least one certificate was not obtained and others may have been. */
export const SOME_FAILED = 3

/** Text of a `name=value` file of certificates: one line each, `name=first,second`. */
function lineageLines(lineages: readonly Lineage[]): string {
  return lineages.map(({ name, names }) => `${name}=${names.join(',')}`).join('\n')
}

/**
 * The script `init-ssl.sh` that stands in the app's folder: it obtains and renews the certificates,
 * also when an operator or the host's timer runs it, and keeps the ledger that protects from the
 * limits of the certificate authority. POSIX shell with coreutils, awk, flock and docker.
 */
export function initSslScript(settings: InitSslSettings): string {
  const { path, project, proxy, certs, webroot, email, directory, staging, profile } = settings
  return `#!/bin/sh
# Certificates of the app in this folder, from an ACME certificate authority by webroot. The action
# setup-ssl writes this file with its settings and runs it; so may you:
#   ./init-ssl.sh [NAME...]            obtains what is missing or due
#   ./init-ssl.sh --dry-run [NAME...]  only tries, at the authority's staging; keeps nothing
#   ./init-ssl.sh --renew              what the timer runs: renews what is due, reloads nginx, looks
#   ./init-ssl.sh --install-renewal    lets systemd or cron run --renew twice a day
APP=${quote(path)}
PROJECT=${quote(project)}
PROXY=${quote(proxy)}
CERTS=${quote(certs)}
WEBROOT=${quote(webroot)}
EMAIL=${quote(email ?? '')}
DIRECTORY=${quote(directory)}
STAGING=${quote(staging ?? '')}
PROFILE=${quote(profile)}
IMAGE=${quote(CERTBOT_IMAGE)}
VERSION=${INIT_SSL_VERSION}
# certificate=name,name
LINEAGES=${quote(lineageLines(settings.lineages))}
${PROGRAM}`
}

const PROGRAM = String.raw`
PATH=$PATH:/usr/local/bin:/usr/sbin:/snap/bin
LOCKED=
STATE=$APP/.diveops
LEDGER=$STATE/acme-ledger.tsv
OUT=
say() { printf '%s\n' "$*"; }
die() { say "error: $*"; exit 1; }
now() { date +%s; }
moment() { date -u -d "@$1" '+%Y-%m-%d %H:%M UTC'; }

# One run at a time; the action holds the lock already when it calls.
take_lock() {
  [ -z "$DIVEOPS_LOCKED" ] || return 0
  exec 8>> "$STATE/lock"
  flock -w 900 8 || die 'another run has worked on this app for 15 minutes; try again later'
  [ ! -f "$STATE/job" ] || flock -w 900 "$STATE/job" true
  printf '{"run":"%s on the server","actor":"%s","since":"%s"}\n' init-ssl.sh "$(id -un)" "$(date -u +%FT%TZ)" > "$STATE/lock.json"
  LOCKED=yes; }

clean() {
  [ -z "$OUT" ] || rm -f "$OUT"
  [ -z "$LOCKED" ] || rm -f "$STATE/lock.json"; }
trap clean EXIT
trap 'exit 130' INT TERM HUP

# certbot works as the user of this script, unless the folder is one that this user may not write.
container() { # WORDS...: docker run with the certificates, for certbot or its Python
  user="--user $(id -u):$(id -g)"
  if [ ! -w "$CERTS" ] || { [ -e "$CERTS/live" ] && [ ! -w "$CERTS/live" ]; }; then user=; fi
  ${TRUST_WORDS}
  timeout 900 docker run --rm $user $trust -e HOME=/tmp -v "$CERTS:/etc/letsencrypt" -v "$WEBROOT:/webroot" "$@"; }

certbot() {
  tries=0
  while :; do
    container "$IMAGE" "$@" --config-dir /etc/letsencrypt --work-dir /tmp/certbot --logs-dir /etc/letsencrypt/logs \
      --non-interactive < /dev/null > "$OUT" 2>&1
    code=$?
    [ "$code" -ne 0 ] && [ "$tries" -lt 5 ] || return "$code"
    tries=$((tries + 1))
    if grep -q 'Another instance of Certbot is already running' "$OUT"; then sleep 10
    elif busy; then
      wait_s=$(header Retry-After); [ -n "$wait_s" ] || wait_s=30
      [ "$tries" -le 3 ] && [ "$wait_s" -le 300 ] || return "$code"
      say "the certificate authority is busy (503): trying again in $wait_s s"
      sleep "$wait_s"
    else return "$code"; fi
  done; }

log_file() { echo "$CERTS/logs/letsencrypt.log"; }
header() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$(log_file)" 2>/dev/null | tail -n 1; }
busy() { grep -q 'Response \[503\]' "$OUT" || tail -n 60 "$(log_file)" 2>/dev/null | grep -q '^HTTP 503'; }
limited() { grep -qiE 'rateLimited|too many (certificates|requests|failed|new|currently)|retry after' "$OUT"; }
limited_until() {
  text=$(grep -oiE 'retry after [0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?' "$OUT" | tail -n 1 | cut -c 13-)
  at=$([ -z "$text" ] || date -u -d "$(echo "$text" | tr T ' ')" +%s 2>/dev/null)
  seconds=$(header Retry-After)
  [ -n "$seconds" ] || seconds=3600
  [ -n "$at" ] || at=$(($(now) + seconds))
  echo "$at"; }

# What certbot found wrong, in one line.
reason() {
  if grep -q 'No space left on device' "$OUT"; then
    printf 'the disk is full: %s KB free for %s' "$(df -Pk "$CERTS" | awk 'END { print $4 }')" "$CERTS"; return
  fi
  text=$(awk '
    /^ *(Identifier|Domain): / { name = $2 }
    /^ *Type: / { type = $2 }
    /^ *Detail: / { sub(/^ *Detail: */, ""); printf "%s%s: %s: %s", sep, name, type, $0; sep = "; " }' "$OUT")
  [ -n "$text" ] || text=$(awk '/^An unexpected error occurred:/ { getline; print; exit }' "$OUT")
  [ -n "$text" ] || text=$(grep -vE '^$|^(Ask for help|See the logfile|Saving debug log|Some challenges|Hint:|See .docker|- - )' "$OUT" | tail -n 1)
  printf '%s' "$text" | tr '\n\t' '  '; }

# The ledger: time, directory, names, issued|failed|limited|error, until. It keeps a week.
remember() { # DIRECTORY NAMES WHAT [UNTIL]
  printf '%s\t%s\t%s\t%s\t%s\n' "$(now)" "$1" "$2" "$3" "$4" >> "$LEDGER"
  awk -F '\t' -v since="$(($(now) - 700000))" '$1 >= since || $5 > since' "$LEDGER" > "$LEDGER.new" && mv "$LEDGER.new" "$LEDGER"; }
# When an order is allowed again; nothing when it is allowed now. One less than Let's Encrypt allows:
# 5 failures of a name an hour, 5 certificates of the same names in 7 days.
not_before() { # DIRECTORY NAMES
  [ -f "$LEDGER" ] || return 0
  awk -F '\t' -v now="$(now)" -v directory="$1" -v names="$2" '
    $2 != directory || $3 != names { next }
    $4 == "limited" && $5 > now && $5 > until { until = $5 }
    $4 == "failed" && $1 > now - 3600 { failed[++f] = $1 }
    $4 == "issued" && $1 > now - 604800 { issued[++i] = $1 }
    END {
      if (f >= 4 && failed[f - 3] + 3600 > until) until = failed[f - 3] + 3600
      if (i >= 4 && issued[i - 3] + 604800 > until) until = issued[i - 3] + 604800
      if (until) print until }' "$LEDGER"; }

names_of() { printf '%s\n' "$LINEAGES" | sed -n "s/^$(printf '%s' "$1" | sed 's/[.]/\\./g')=//p"; }

order() { # NAME NAMES DIRECTORY WORDS...
  name=$1; names=$2; server=$3; shift 3
  if [ -n "$EMAIL" ]; then set -- "$@" --email "$EMAIL" --no-eff-email; else set -- "$@" --register-unsafely-without-email; fi
  for one in $(printf '%s' "$names" | tr , ' '); do set -- "$@" -d "$one"; done
  certbot certonly --webroot -w /webroot --cert-name "$name" --server "$server" --agree-tos \
    --key-type ecdsa --preferred-profile "$PROFILE" --keep-until-expiring "$@"; }

try_out() { # NAME: the whole exchange at the staging, which keeps nothing
  names=$(names_of "$1")
  order "$1-try" "$names" "$STAGING" --dry-run && { say "$1: the try at the staging succeeded"; return; }
  why=$(reason)
  say "failed $1: the try at $STAGING: $why"
  return 1; }

obtain() { # NAME
  names=$(names_of "$1"); until=$(not_before "$DIRECTORY" "$names")
  if [ -n "$until" ]; then
    say "failed $1: no order before $(moment "$until"), to stay within the limits of $DIRECTORY; this server's ledger: $LEDGER"
    return 1
  fi
  said=$(python mend "$1"); [ -z "$said" ] || say "$1: $said"
  if order "$1" "$names" "$DIRECTORY"; then
    if grep -q 'not yet due for renewal' "$OUT"; then say "$1: not due, kept"; return; fi
    remember "$DIRECTORY" "$names" issued
    say "$1: issued for $(printf '%s' "$names" | sed 's/,/, /g')"
    return
  fi
  why=$(reason)
  if limited; then
    until=$(limited_until)
    remember "$DIRECTORY" "$names" limited "$until"
    say "failed $1: the certificate authority takes no order before $(moment "$until"): $why"
  else
    # Only what the authority counts, too: an authority that was down has counted nothing.
    kind=error
    ! grep -q 'challenges have failed' "$OUT" || kind=failed
    remember "$DIRECTORY" "$names" "$kind"
    say "failed $1: $why"
  fi
  return 1; }

python() { # WORDS...: reads what is on disk and what nginx serves at this server's port 443
  container -i --network host --entrypoint python3 "$IMAGE" - "$@" <<'PYTHON'
${CERTIFICATES_PROGRAM}
PYTHON
}

front() { docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$PROXY" --filter label=com.docker.compose.oneoff=False | head -n 1; }

# Lets nginx serve what is on disk, when it serves an older certificate; PROBLEM says why it does not.
serve() {
  PROBLEM=
  [ -n "$(python stale)" ] || return 0
  box=$(front)
  if ! docker exec "$box" nginx -t > "$OUT" 2>&1; then
    PROBLEM="nginx refuses its configuration, so it goes on with the certificate that it has: $(grep emerg "$OUT" | tail -n 1)"
    return 1
  fi
  docker exec "$box" nginx -s reload > "$OUT" 2>&1
  tries=0
  while [ "$tries" -lt 10 ]; do
    stale=$(python stale)
    [ -n "$stale" ] || return 0
    tries=$((tries + 1)); sleep 1
  done
  PROBLEM="nginx was reloaded and still serves another certificate than the one on disk for $stale"
  return 1; }

${RENEWAL_PROGRAM}

# Readable by the workers of nginx, which are nobody here; the keys lie in folders of certbot's that are not.
${MAKE_FOLDERS}
mkdir -p "$STATE" && make_folders "$CERTS" "$WEBROOT" || die "cannot make folders in $CERTS"
OUT=$(mktemp) || die 'cannot write a temporary file'
mode=obtain
case $1 in
  --dry-run|--renew|--install-renewal|--renewal|--serve) mode=$(printf %s "$1" | cut -c 3-); shift ;;
  -*) die "unknown option $1; known: --dry-run, --renew, --install-renewal" ;;
esac
for name in "$@"; do
  [ -n "$(names_of "$name")" ] || die "no certificate '$name' is set up here; known: $(printf '%s\n' "$LINEAGES" | cut -d = -f 1 | tr '\n' ' ')"
done
[ $# -gt 0 ] || set -- $(printf '%s\n' "$LINEAGES" | cut -d = -f 1)
case $mode in
  renewal) say "$(renewal) $VERSION" ;;
  install-renewal) install_renewal ;;
  serve) serve || die "$PROBLEM" ;;
  renew) take_lock; renew ;;
  dry-run)
    [ -n "$STAGING" ] || die "no staging is known for $DIRECTORY, so there is nothing to try at"
    take_lock; failed=0
    for name in "$@"; do try_out "$name" || failed=${SOME_FAILED}; done
    exit "$failed" ;;
  obtain)
    take_lock; failed=0
    for name in "$@"; do obtain "$name" || failed=${SOME_FAILED}; done
    serve || say "warning: $PROBLEM"
    exit "$failed" ;;
esac
`

/** Tells scripts of different versions of this product apart. */
export const INIT_SSL_VERSION = sha256(PROGRAM).slice(0, 12)
