/** The image of certbot that obtains and renews, and whose Python reads certificates. */
export const CERTBOT_IMAGE = 'certbot/certbot:v5.8.0'

/**
 * Shell text that sets `$trust`, words for `docker run`: certbot believes the authorities that the
 * host believes, so that a private one can be used, too.
 */
export const TRUST_WORDS = `trust=
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
  if [ -r "$bundle" ]; then trust="-v $bundle:/host-ca.crt:ro -e REQUESTS_CA_BUNDLE=/host-ca.crt"; break; fi
done`

/**
 * Shell function `make_folders CERTS WEBROOT`: makes them so that this user may write there. Where
 * the engine made one, for a mount of a folder that was not there, it is root's; then a container
 * hands it over.
 */
export const MAKE_FOLDERS = `make_folders() {
  challenge=$2/.well-known/acme-challenge
  if (umask 022; mkdir -p "$1" "$challenge") 2> /dev/null && [ -w "$1" ] && [ -w "$challenge" ]; then return; fi
  docker run --rm --user 0 --entrypoint sh -v "$1:/certs" -v "$2:/webroot" ${CERTBOT_IMAGE} -c "umask 022
    mkdir -p /webroot/.well-known/acme-challenge && cd /webroot && chown $(id -u):$(id -g) /certs . .well-known .well-known/acme-challenge"; }`
