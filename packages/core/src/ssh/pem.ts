/** A PEM block taken apart; `body` is its base64 without blanks. */
export interface Pem {
  /** What stands after BEGIN, such as `OPENSSH PRIVATE KEY`. */
  label: string
  /** `Proc-Type` and `DEK-Info` of an encrypted PEM of the old kind. */
  headers: string[]
  body: string
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----/gs
// As long as the cipher's block, or it would eat base64 that follows without a newline.
const HEADERS =
  /Proc-Type:\s*4,ENCRYPTED|DEK-Info:\s*(?:DES[A-Z0-9-]*,[0-9A-Fa-f]{16}|[A-Z0-9-]+,[0-9A-Fa-f]{32})/g
/** How the body of every OpenSSH private key begins: `openssh-key-v1`. */
const OPENSSH = 'b3BlbnNzaC1rZXktdjE'

/**
 * Text as it was meant before it went through a form, a file from Windows or a shell: no byte order
 * mark, no carriage returns, no quotes around it, newlines that are newlines, base64 undone.
 */
export function repairText(given: string): string {
  const text = given
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .replace(/(?:\\r)?\\n/g, '\n')
    .trim()
    .replace(/^(["'])(.*)\1$/s, '$2')
    .trim()
  const bare = text.replace(/\s/g, '')
  if (text.includes('-----') || !/^[A-Za-z0-9+/_-]{40,}={0,2}$/.test(bare)) return text
  const decoded = Buffer.from(bare, 'base64').toString('latin1')
  if (decoded.includes('-----BEGIN ')) return repairText(decoded)
  if (!bare.startsWith(OPENSSH)) return text
  return formatPem({ label: 'OPENSSH PRIVATE KEY', headers: [], body: bare })
}

/** The PEM blocks of a repaired text, however their lines were broken or indented. */
export function findPem(text: string): Pem[] {
  return [...text.matchAll(BLOCK)].map(([, label = '', inner = '']) => ({
    label,
    headers: inner.match(HEADERS) ?? [],
    body: inner.replace(HEADERS, '').replace(/\s/g, '')
  }))
}

/** A PEM block as its own tool writes it: ssh-keygen breaks lines at 70, OpenSSL at 64. */
export function formatPem({ label, headers, body }: Pem): string {
  const lines = body.match(label.startsWith('OPENSSH') ? /.{1,70}/g : /.{1,64}/g) ?? []
  const head = headers.length > 0 ? [...headers, ''] : []
  return [`-----BEGIN ${label}-----`, ...head, ...lines, `-----END ${label}-----`, ''].join('\n')
}
