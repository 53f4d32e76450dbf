/** What stands in the way of a certificate, and what to do about it: a clause each. */
export interface Obstacle {
  found: string
  todo: string
}
