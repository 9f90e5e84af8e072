import { checkInvariants } from '../../db/check-invariants.js';
import type { Database } from '../../db/database.js';
import { fail, ok, type CheckResult } from './check-result.js';

/** Do the rules hold that the database alone can tell. */
export async function* checkDatabaseInvariants(
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const violations = await database.createScope(() => checkInvariants());
  for (const { invariant, sessionIdentifier, message } of violations) {
    yield fail(
      `invariant ${invariant}`,
      `session ${sessionIdentifier}: ${message}`,
      `Look at it with \`recordsmith sessions show ${sessionIdentifier}\` and report it as a defect.`,
    );
  }
  if (violations.length === 0) yield ok('invariants', 'all hold in the database');
}
