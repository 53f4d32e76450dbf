import { quote } from '../base/shell.ts'
import { CERTBOT_IMAGE, TRUST_WORDS } from './certbot.ts'

/** What the host's resolver says of a name in one family. */
export type HostAddresses = { addresses: string[] } | { error: string }

/** What an address answers to the token, seen from the host. */
export type HostAnswer = { status: number; body: string } | { error: string }

/** What the host sees: names, its own challenge through each address, and the certificate authority. */
export interface HostView {
  names: Record<string, { a: HostAddresses; aaaa: HostAddresses }>
  /** By address, then by name. */
  answers: Record<string, Record<string, HostAnswer>>
  /** Addresses that the host itself uses on its way out. */
  own: string[]
  /** What the authority's directory offers, or why it cannot be had. */
  directory: { profiles: string[]; caa: string[] } | { error: string }
}

/** What to look for from the host. */
export interface Look {
  names: readonly string[]
  token: string
  directory: string
}

const PROGRAM = `
import http.client, json, os, socket, ssl, sys, urllib.request
from concurrent.futures import ThreadPoolExecutor
look = json.loads(sys.argv[1])

def addresses(name, family):
    try:
        found = socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM)
        return {'addresses': sorted({one[4][0] for one in found if not one[4][0].startswith('::ffff:')})}
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return {'error': 'no answer from a name server'}
        return {'addresses': []}

def answer(address, name):
    connection = http.client.HTTPConnection(address, 80, timeout=8)
    try:
        connection.request('GET', '/.well-known/acme-challenge/' + look['token'], headers={'Host': name})
        response = connection.getresponse()
        return {'status': response.status, 'body': response.read(400).decode('utf-8', 'replace')}
    except OSError as error:
        return {'error': 'no answer in 8 s' if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()}
    except http.client.HTTPException as error:
        return {'error': 'not HTTP: ' + type(error).__name__}
    finally:
        connection.close()

def own():
    found = []
    for family, elsewhere in ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET6, '2001:db8::1')):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found.append(probe.getsockname()[0])
        except OSError:
            pass
    return found

def directory():
    context = ssl.create_default_context(cafile=os.environ.get('REQUESTS_CA_BUNDLE'))
    try:
        with urllib.request.urlopen(look['directory'], timeout=20, context=context) as response:
            meta = json.load(response).get('meta', {})
            return {'profiles': list(meta.get('profiles', {})), 'caa': meta.get('caaIdentities', [])}
    except (OSError, ValueError) as error:
        status = getattr(error, 'code', None)
        return {'error': f'it answers {status}' if status else str(getattr(error, 'reason', error))}

# All at once: where nothing answers, each question takes its whole time.
with ThreadPoolExecutor(32) as pool:
    authority = pool.submit(directory)
    asked = {name: {family: pool.submit(addresses, name, kind) for family, kind in (('a', socket.AF_INET), ('aaaa', socket.AF_INET6))} for name in look['names']}
    names = {name: {family: one.result() for family, one in families.items()} for name, families in asked.items()}
    places = {(address, name) for name, families in names.items() for family in families.values() for address in family.get('addresses', [])}
    answers = {}
    for (address, name), one in [(place, pool.submit(answer, *place)) for place in places]:
        answers.setdefault(address, {})[name] = one.result()
print(json.dumps({'names': names, 'answers': answers, 'own': own(), 'directory': authority.result()}))
`.trim()

/**
 * Shell text that looks from the host, in certbot's image because a host need not have more than
 * Docker, and prints the view as one line of JSON. Nothing but the authority's directory is asked
 * of the authority.
 */
export function hostViewScript(look: Look): string {
  return `${TRUST_WORDS}
timeout 180 docker run --rm -i --network host $trust --entrypoint python3 ${quote(CERTBOT_IMAGE)} - ${quote(JSON.stringify(look))} <<'PYTHON'
${PROGRAM}
PYTHON`
}

/** Reads what the script printed. */
export function readHostView(text: string): HostView {
  return JSON.parse(text) as HostView
}
