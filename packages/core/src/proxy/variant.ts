/** Which of the two configurations of a pair nginx reads: HTTPS once every certificate is good. */
export type Variant = 'https' | 'http'
