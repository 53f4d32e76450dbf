const STARS = '***'
/** Shorter values would turn ordinary words of the log into stars. */
const SHORTEST = 4

/**
 * Knows every secret of a run and takes them out of text: whole, line by line, and in the forms
 * in which tools print them (base64, URL-encoded, JSON).
 */
export class Secrets {
  readonly #known = new Set<string>()
  readonly #listener: (secret: string) => void

  /** `listener` hears of each line of a secret once: the runner derives further forms itself. */
  constructor(listener: (secret: string) => void = () => {}) {
    this.#listener = listener
  }

  /** Remembers a secret and the forms derived from it. Values shorter than four characters are not. */
  add(secret: string | undefined): void {
    if (secret === undefined) return
    for (const line of [secret, ...secret.split(/\r?\n/)].map(text => text.trim())) {
      if (line.length < SHORTEST || this.#known.has(line)) continue
      for (const form of forms(line)) this.#known.add(form)
      if (!line.includes('\n')) this.#listener(line)
    }
  }

  /** The text with stars in place of every known secret. */
  redact(text: string): string {
    let clean = text
    for (const secret of this.#known) clean = clean.replaceAll(secret, STARS)
    return clean
  }
}

function forms(value: string): string[] {
  return [
    value,
    Buffer.from(value).toString('base64'),
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1)
  ]
}

/** What makes the name of a variable that of a secret, in capitals: a regular expression for awk, too. */
export const SECRET_WORDS =
  'PASSWORD|PASSWD|PASSPHRASE|_PASS|SECRET|TOKEN|KEY|DSN|CREDENTIAL|PRIVATE'
/** A password in an address, as in `postgres://user:password@db/app`: for awk, too. */
export const PASSWORD_IN_ADDRESS = '://[^/@: ]*:[^@ ]+@'

const SECRET_NAME = new RegExp(SECRET_WORDS, 'i')
const ADDRESS = new RegExp(PASSWORD_IN_ADDRESS)

/** Whether a variable holds a secret, told by the kind of its name. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Whether a variable holds a secret, told by the kind of its name or by a password in an address. */
export function isSecret(name: string, value: string): boolean {
  return isSecretName(name) || ADDRESS.test(value)
}
