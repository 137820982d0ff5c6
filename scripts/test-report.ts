export interface Tally {
  readonly passed: number
  readonly failed: number
  /** What is behind `failed` when no failed test of the run says it: one line each. */
  readonly remarks: readonly string[]
}

/** The part of vitest's JSON report that is counted. */
interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly TestFile[]
}

interface TestFile {
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly { readonly status: string }[]
}

/**
 * What one vitest run counts for. A test that was skipped, a file that could not be loaded, a run that ended badly without
 * a failed test, and a run without a test count as failures: nothing may be green by not having been run.
 */
export function tallyVitest(reportText: string | undefined, exitCode: number): Tally {
  const report = parseReport(reportText)
  if (!report) return { passed: 0, failed: 1, remarks: [`vitest left no report (exit code ${exitCode})`] }
  const remarks: string[] = []
  let failed = report.numFailedTests
  const skipped = report.numPendingTests + report.numTodoTests
  if (skipped > 0) {
    failed += skipped
    remarks.push(`${skipped} skipped, which is not allowed`)
  }
  for (const file of report.testResults) {
    if (file.status !== 'failed' || file.assertionResults.some((test) => test.status === 'failed')) continue
    failed++
    remarks.push(`${file.name} failed outside its tests`)
  }
  if (report.numPassedTests + failed === 0) {
    failed++
    remarks.push('no test was run')
  }
  if (exitCode !== 0 && failed === 0) {
    failed++
    remarks.push(`vitest ended with exit code ${exitCode} although no test failed`)
  }
  return { passed: report.numPassedTests, failed, remarks }
}

function parseReport(text: string | undefined): VitestReport | undefined {
  if (text === undefined) return undefined
  try {
    const report = JSON.parse(text) as VitestReport
    return Array.isArray(report.testResults) && Number.isInteger(report.numPassedTests) ? report : undefined
  } catch {
    return undefined
  }
}
