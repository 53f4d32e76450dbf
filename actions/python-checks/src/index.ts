import { runAction } from '@diveops/core/action/run'
import { main } from './main.ts'

await runAction(context => main(process.argv[2] ?? '', context))
