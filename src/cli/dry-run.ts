import { planSession, type SessionPlan } from '../daemon/plan-session.js';
import { getSessionsToBuild } from '../db/due-sessions.js';
import { systemClock } from '../clock.js';
import { openApplication } from '../main.js';
import type { CommandContext } from './command-context.js';
import type { RunOptions } from './commands/run.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { isoText } from './report-json.js';
import { checkSelection } from './run-once.js';
import { StopSignals } from './stop-signals.js';

/** Sessions that one dry run shows at most. */
const MOST_SESSIONS = 1000;

function planDocument(plan: SessionPlan): unknown {
  const { session } = plan;
  return {
    session_identifier: session.identifier,
    session_key: session.key,
    instrument: session.instrumentPid,
    start: isoText(session.startMs ?? 0),
    end: isoText(session.endMs ?? 0),
    user: session.user,
    outcome: plan.outcome,
    reason: plan.reason,
    version: plan.version,
    files: plan.verdicts.map(({ location, verdict, rule, sizeBytes, mtimeNs }) => ({
      location,
      verdict,
      rule,
      size: sizeBytes,
      modified: isoText(Number(mtimeNs / 1_000_000n)),
    })),
    activities: plan.activities.map((files) => files.map((file) => file.location)),
  };
}

function printPlan(context: CommandContext, plan: SessionPlan): void {
  const { session } = plan;
  context.print(
    `${session.key}  ${session.instrumentPid}  ${isoText(session.startMs ?? 0)} to ${isoText(session.endMs ?? 0)}` +
      `  ${session.user ?? 'no user'}\n  ${plan.outcome}${plan.reason === null ? '' : `: ${plan.reason}`}`,
  );
  context.table(
    plan.verdicts.map(({ location, verdict, rule, sizeBytes, mtimeNs }) => ({
      file: location,
      modified: isoText(Number(mtimeNs / 1_000_000n)),
      bytes: sizeBytes,
      verdict,
      rule,
    })),
  );
  if (plan.activities.length > 0) {
    const sizes = plan.activities.map((files) => files.length).join(', ');
    context.print(`  ${plan.activities.length} activities with ${sizes} files`);
  }
  context.print('');
}

/** `recordsmith --run-once --dry-run`: what a pass would do. The database is opened for reading only. */
export async function dryRun(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  const { config, log } = await context.open();
  const application = await openApplication({
    config,
    log,
    version: context.version,
    readOnly: true,
  });
  const signals = new StopSignals(log, 0);
  try {
    const { database, environment } = application;
    const { identifiers, instrumentPids } = await checkSelection(application, options);
    const due = await database.createScope(() =>
      getSessionsToBuild({
        limit: MOST_SESSIONS,
        nowMs: systemClock.now().toMillis(),
        ignoreBackoff: identifiers !== null,
        ...(identifiers === null ? {} : { identifiers }),
        ...(instrumentPids === null ? {} : { instrumentPids }),
      }),
    );
    const plans: SessionPlan[] = [];
    for (const session of due) {
      if (signals.stopTaking.aborted) break;
      const plan = await planSession(environment, session, signals.stopWork);
      if (context.json) plans.push(plan);
      else printPlan(context, plan);
    }
    if (context.json) context.printJson({ sessions: plans.map(planDocument) });
    else if (due.length === 0) context.note('Nothing is due.');
    return EXIT.done;
  } finally {
    signals.dispose();
    await application.close();
  }
}
