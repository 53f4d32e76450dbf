import { quote } from '../base/shell.ts'
import { CERTBOT_IMAGE, MAKE_FOLDERS } from '../tls/certbot.ts'
import { hostViewScript, type Look } from '../tls/hostview.ts'
import { SOME_FAILED } from '../tls/initssl.ts'
import { onHost, type Place } from './library.ts'

/** What names of our tokens begin with. */
export const TOKEN = 'diveops-'

/**
 * Looks from the host, for the preflight of certificates: puts a token where challenges are served
 * from, which may be in a folder of root's, and says as `@view` what the host sees. The token stays
 * for the runner until `removeTokenScript`.
 */
export function hostLookScript(place: Place, webroot: string, look: Look): string {
  return onHost(
    place,
    `step preflight
docker image inspect ${quote(CERTBOT_IMAGE)} > /dev/null 2>&1 || docker pull -q ${quote(CERTBOT_IMAGE)} > "$SCRATCH/pull.out" 2>&1 ||
  fail "image ${CERTBOT_IMAGE} could not be pulled: $(tail -n 1 "$SCRATCH/pull.out")"
${MAKE_FOLDERS}
# Of runs that were cancelled.
rm -f ${quote(`${webroot}/.well-known/acme-challenge`)}/${TOKEN}*
make_folders "$P/certs" ${quote(webroot)} && (umask 022; printf '%s\\n' ${quote(look.token)} > ${token(webroot, look)}) || fail ${quote(`cannot write to ${webroot}`)}
{
${hostViewScript(look)}
} > "$SCRATCH/view" 2> "$SCRATCH/view.err" || fail "the host could not look by image ${CERTBOT_IMAGE}: $(tail -n 1 "$SCRATCH/view.err")"
printf '@view %s\\n' "$(cat "$SCRATCH/view")"`
  )
}

/** Takes the token of the preflight away. */
export function removeTokenScript(place: Place, webroot: string, look: Look): string {
  return onHost(place, `rm -f ${token(webroot, look)}`)
}

function token(webroot: string, { token: name }: Look): string {
  return quote(`${webroot}/.well-known/acme-challenge/${name}`)
}

/** Puts `init-ssl.sh`, which comes on standard input, into the app's folder. */
export function placeInitSslScript(place: Place): string {
  return onHost(
    place,
    `cat > init-ssl.sh.new && chmod 755 init-ssl.sh.new && mv init-ssl.sh.new init-ssl.sh || fail 'cannot write init-ssl.sh'`
  )
}

/** Asks as `@renewal` what renews the certificates and by which version of `init-ssl.sh`. */
export function askRenewalScript(place: Place): string {
  return onHost(
    place,
    `printf '@renewal %s\\n' "$([ ! -x init-ssl.sh ] || DIVEOPS_LOCKED=yes ./init-ssl.sh --renewal 2> /dev/null)"`
  )
}

/**
 * Runs `init-ssl.sh` and shows what it says. Certificates that failed come back as `@failed`, a
 * text each, separated by the unit separator; any other failure of the script fails this one.
 */
export function runInitSslScript(
  place: Place,
  step: string,
  mode: string,
  names: readonly string[]
): string {
  const words = [mode, ...names].filter(Boolean).map(quote).join(' ')
  return onHost(
    place,
    `step ${quote(step)}
{ DIVEOPS_LOCKED=yes ./init-ssl.sh ${words} 2>&1; echo $? > "$SCRATCH/init.code"; } | tee "$SCRATCH/init.out" | sed 's/^/@note /'
code=$(cat "$SCRATCH/init.code")
printf '@failed %s\\n' "$(sed -n 's/^failed //p' "$SCRATCH/init.out" | tr '\\n' '\\037')"
case $code in
  0|${SOME_FAILED}) ;;
  *) fail "$(sed -n 's/^error: //p' "$SCRATCH/init.out" | tail -n 1 | grep . || echo "init-ssl.sh ended with exit code $code: $(tail -n 1 "$SCRATCH/init.out")")" ;;
esac`
  )
}

/** The certificates that failed, as the script said them: `NAME: why`. */
export function failuresOf(said: ReadonlyMap<string, string>): string[] {
  return (said.get('failed') ?? '').split('\u001f').filter(Boolean)
}
