import pg from 'pg'
import { createApp } from './app.js'
import { Sightings } from './sightings.js'

// Name, user and password come from PGHOST, PGUSER, PGPASSWORD and PGDATABASE.
const pool = new pg.Pool({ max: 5, connectionTimeoutMillis: 3000 })
// A connection that the database closes while nobody uses it is replaced by the pool.
pool.on('error', error => console.error(error.message))

const app = createApp(new Sightings(pool), process.env.RELEASE ?? 'unknown')
const server = app.listen(Number(process.env.PORT ?? 3000), () => console.log('listening'))

// Docker says SIGTERM before it takes the container away: requests in flight are answered first.
process.once('SIGTERM', () => {
  server.close(async () => {
    await pool.end()
    process.exit(0)
  })
  server.closeIdleConnections()
})
