import { describe, expect, test } from 'vitest'
import { tallyVitest } from './test-report.ts'

const report = (changes: object) =>
  JSON.stringify({
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] }],
    ...changes,
  })

describe('tallyVitest', () => {
  test('counts passed and failed tests', () => {
    const testResults = [{ name: 'a.test.ts', status: 'failed', assertionResults: [{ status: 'failed' }] }]
    expect(tallyVitest(report({ numFailedTests: 2, testResults }), 1)).toEqual({ passed: 3, failed: 2, remarks: [] })
  })

  test.each([
    ['no report', undefined, 1],
    ['a cut report', '{"numPassedTests": 3', 1],
    ['a report of something else', '{}', 0],
    ['a bad end without a failed test', report({}), 1],
    [
      'a file that could not be loaded',
      report({ testResults: [{ name: 'b', status: 'failed', assertionResults: [] }] }),
      1,
    ],
    ['a skipped test', report({ numPendingTests: 1 }), 0],
    ['a test left to do', report({ numTodoTests: 1 }), 0],
    ['no test at all', report({ numPassedTests: 0, testResults: [] }), 0],
  ])('%s counts as one failure, with a remark', (_, text, exitCode) => {
    const tally = tallyVitest(text, exitCode)
    expect(tally.failed).toBe(1)
    expect(tally.remarks).toHaveLength(1)
  })
})
