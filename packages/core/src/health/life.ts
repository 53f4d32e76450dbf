/** When something begins and ceases to be valid, such as a certificate. */
export interface Life {
  notBefore: Date
  notAfter: Date
}

/** Which part of a life is left, from 1 for all to 0 for none. */
export function lifeLeft({ notBefore, notAfter }: Life, now: Date): number {
  const left = (notAfter.getTime() - now.getTime()) / (notAfter.getTime() - notBefore.getTime())
  return Math.min(1, Math.max(0, left))
}

/** With less than this part of its life left a certificate should have been renewed. */
export const LEAST_LIFE_LEFT = 1 / 3
