/**
 * A Python program for certbot's image, which has `cryptography`: `list` prints `NAME SERIAL SERVED` for
 * each certificate on disk (SERVED is what nginx at this host's port 443 serves for it, or `-`),
 * `stale` the names for which something else is served, `report RESULT ERROR` the text of tls.json, and
 * `mend NAME` moves a certificate aside that is damaged, because certbot can neither renew nor replace it.
 */
export const CERTIFICATES_PROGRAM = `
import datetime, glob, json, os, socket, ssl, sys
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HOME = '/etc/letsencrypt'

def serial(certificate):
    return format(certificate.serial_number, 'x')

def served(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(('127.0.0.1', 443), 5) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                return serial(x509.load_der_x509_certificate(tls.getpeercert(True)))
    except OSError:
        return None

def certificates():
    for path in sorted(glob.glob(HOME + '/live/*/fullchain.pem')):
        try:
            with open(path, 'rb') as file:
                leaf = x509.load_pem_x509_certificate(file.read())
        except (OSError, ValueError):
            continue
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        yield {
            'name': os.path.basename(os.path.dirname(path)),
            'names': names,
            'serial': serial(leaf),
            'notBefore': leaf.not_valid_before_utc.isoformat(),
            'notAfter': leaf.not_valid_after_utc.isoformat(),
            'served': served(names[0]),
        }

def sound(name):
    try:
        with open(f'{HOME}/live/{name}/fullchain.pem', 'rb') as file:
            leaf = x509.load_pem_x509_certificate(file.read())
        with open(f'{HOME}/live/{name}/privkey.pem', 'rb') as file:
            key = load_pem_private_key(file.read(), None)
        return os.path.exists(f'{HOME}/renewal/{name}.conf') and key.public_key() == leaf.public_key()
    except (OSError, ValueError, TypeError):
        return False

def mend(name):
    parts = [f'live/{name}', f'archive/{name}', f'renewal/{name}.conf']
    left = [part for part in parts if os.path.lexists(f'{HOME}/{part}')]
    if not left or sound(name):
        return
    aside = 'broken/' + datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%d-%H%M%S')
    for part in left:
        os.makedirs(os.path.dirname(f'{HOME}/{aside}/{part}'), mode=0o700, exist_ok=True)
        os.rename(f'{HOME}/{part}', f'{HOME}/{aside}/{part}')
    print(f'what was left of its certificate is no use and now lies in certs/{aside}')

mode = sys.argv[1]
if mode == 'list':
    for one in certificates():
        print(one['name'], one['serial'], one['served'] or '-')
elif mode == 'stale':
    print(*[one['name'] for one in certificates() if one['served'] not in (None, one['serial'])])
elif mode == 'mend':
    mend(sys.argv[2])
elif mode == 'report':
    at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    renewal = {'at': at, 'result': sys.argv[2], **({'error': sys.argv[3]} if sys.argv[3] else {})}
    print(json.dumps({'renewal': renewal, 'certificates': list(certificates())}))
`.trim()
