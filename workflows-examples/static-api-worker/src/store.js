import { DatabaseSync } from 'node:sqlite'

/** Plans that visitors ask for and a worker makes, in one SQLite file that both open. */
export class Store {
  #db

  constructor(file = process.env.DATABASE ?? '/data/plans.db') {
    this.#db = new DatabaseSync(file, { timeout: 5000 })
    // Readers and the one writer do not wait for each other.
    this.#db.exec('PRAGMA journal_mode = WAL')
  }

  /** Makes the tables; harmless to repeat. */
  migrate() {
    this.#db.exec(`CREATE TABLE IF NOT EXISTS plans (
      id INTEGER PRIMARY KEY,
      depth INTEGER NOT NULL,
      minutes INTEGER,
      release TEXT
    )`)
  }

  add(depth) {
    return this.#db.prepare('INSERT INTO plans (depth) VALUES (?) RETURNING *').get(depth)
  }

  find(id) {
    return this.#db.prepare('SELECT * FROM plans WHERE id = ?').get(id)
  }

  /** The oldest plan that nobody has made yet. */
  next() {
    return this.#db.prepare('SELECT * FROM plans WHERE minutes IS NULL ORDER BY id LIMIT 1').get()
  }

  finish(id, minutes, release) {
    const update = 'UPDATE plans SET minutes = ?, release = ? WHERE id = ?'
    this.#db.prepare(update).run(minutes, release, id)
  }

  close() {
    this.#db.close()
  }
}
