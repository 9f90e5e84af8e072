import { readPackageFacts } from '../package-facts.js';
import { fail, ok, type CheckResult } from './check-result.js';

/** Whether a version such as 20.19.0 is at least another one. */
function isAtLeast(version: string, least: string): boolean {
  const [numbers, leastNumbers] = [version, least].map((text) => text.split('.').map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (numbers?.[index] ?? 0) - (leastNumbers?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Is node new enough. */
export function checkNode(version: string): CheckResult {
  const { leastNode } = readPackageFacts();
  return isAtLeast(version, leastNode)
    ? ok('node', `version ${version}`)
    : fail('node', `version ${version} is too old`, `Install node ${leastNode} or newer.`);
}
