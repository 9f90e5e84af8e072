import { systemClock } from '../../clock.js';
import { instrumentPcSourcesOf } from '../../config/effective-auto-close.js';
import { listProblems } from '../../db/session-store.js';
import type { CommandContext } from '../command-context.js';
import { withDatabase } from '../with-database.js';
import { remedyFor, sessionDocument } from './session-words.js';

/** Prints the sessions that need a person, each with the command that mends it. */
export async function printProblems(context: CommandContext): Promise<void> {
  const nowMs = systemClock.now().toMillis();
  const problems = await withDatabase(
    context,
    ({ config, database }) =>
      database.createScope(() =>
        listProblems(
          nowMs - config.build.problem_age_hours * 3_600_000,
          instrumentPcSourcesOf(config).map(({ name }) => name),
        ),
      ),
    { readOnly: 'if-needed' },
  );
  if (context.json) {
    context.printJson({
      problems: problems.map(({ session, problem, message, remedy }) => ({
        ...sessionDocument(session, null),
        problem,
        message,
        remedy: remedyFor(remedy, session.key),
      })),
    });
    return;
  }
  if (problems.length === 0) context.note('No session needs a person.');
  context.table(
    problems.map(({ session, problem, message, remedy }) => ({
      session: session.key,
      instrument: session.instrumentPid,
      user: session.user,
      problem,
      message,
      remedy: remedyFor(remedy, session.key),
    })),
  );
}
