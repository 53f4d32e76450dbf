import { Store } from './store.js'

const store = new Store()
store.migrate()
store.close()
console.log('the tables are there')
