import { runAction } from '@diveops/core/action/run'
import { main } from './main.ts'

await runAction(main)
