import { runAction } from '@diveops/core/action/run'
import { readState } from '@diveops/core/action/state'
import { main, STARTED } from './main.ts'
import { post } from './post.ts'

await runAction(readState(STARTED) ? post : main)
