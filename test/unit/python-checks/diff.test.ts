import { expect, test } from '@jest/globals'
import { changedFiles } from '../../../actions/python-checks/src/diff.ts'

const BLACK = `--- /w/app/a.py\t2026-11-23 21:34:38.720888+00:00
+++ /w/app/a.py\t2026-11-23 21:34:52.563658+00:00
@@ -1,8 +1,9 @@
 import sys
 import os
 
+
 def depth(x):
@@ -20,3 +21,3 @@
 x
-y = 'a'
+y = "a"
--- /w/b.py\t2026-11-23 21:34:38.720888+00:00
+++ /w/b.py\t2026-11-23 21:34:52.563658+00:00
@@ -0,0 +1 @@
+x
`
const ISORT = `--- /w/app/a.py:before\t2026-11-23 21:34:38.720888
+++ /w/app/a.py:after\t2026-11-23 21:34:52.878309
@@ -3,6 +3,7 @@
+import os
 import sys
-import os
`

test('the first line that black would change in each file, and in how many places', () => {
  expect(changedFiles(BLACK)).toEqual([
    { file: '/w/app/a.py', line: 4, places: 2 },
    { file: '/w/b.py', line: 1, places: 1 }
  ])
})

test('isort names files in its own way', () => {
  expect(changedFiles(ISORT)).toEqual([{ file: '/w/app/a.py', line: 3, places: 1 }])
})

test('no diff, no changes', () => {
  expect(changedFiles('')).toEqual([])
  expect(changedFiles('All done!\n--- not a diff ---\n')).toEqual([])
})
