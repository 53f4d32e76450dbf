const TABLE = `CREATE TABLE IF NOT EXISTS sightings (
  id serial PRIMARY KEY,
  species text NOT NULL,
  depth integer NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now()
)`

/** What divers saw, kept in PostgreSQL. */
export class Sightings {
  #pool
  #ready

  constructor(pool) {
    this.#pool = pool
  }

  /** The newest first. */
  async list() {
    const { rows } = await this.#query('SELECT * FROM sightings ORDER BY id DESC LIMIT 50')
    return rows
  }

  async add(species, depth) {
    const insert = 'INSERT INTO sightings (species, depth) VALUES ($1, $2) RETURNING *'
    const { rows } = await this.#query(insert, [species, depth])
    return rows[0]
  }

  /** Resolves when the database answers. */
  async check() {
    await this.#query('SELECT 1')
  }

  async #query(text, values) {
    // Made once, at the first use; tried again by the next one when it failed.
    this.#ready ??= this.#pool.query(TABLE)
    try {
      await this.#ready
    } catch (error) {
      this.#ready = undefined
      throw error
    }
    return this.#pool.query(text, values)
  }
}
