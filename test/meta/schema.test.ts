import { expect, test } from '@jest/globals'
import { isSchemaOutdated } from '../../packages/build/src/schema.ts'

test('the published schema of diveops.yml is what the actions check', async () => {
  expect(await isSchemaOutdated()).toBe(false)
})
