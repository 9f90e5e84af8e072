import type { WhatIsAway } from '../daemon/build-ending.js';
import { deadLeases } from '../daemon/expire-dead-leases.js';
import { planSession, type SessionPlan } from '../daemon/plan-session.js';
import { isAllPaused, pausedInstruments } from '../daemon/run-pass.js';
import {
  dueAsReported,
  getSessionsToBuild,
  type SessionsToBuildOptions,
} from '../db/due-sessions.js';
import { listInstruments } from '../db/instrument-store.js';
import { activePauses, type Pause } from '../db/pause-store.js';
import type { ObservedUsageEvent } from '../db/take-usage-event.js';
import type { RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import { openApplication, type Application } from '../main.js';
import type { CommandContext } from './command-context.js';
import type { RunOptions } from './run-options.js';
import { exitCodeOfPass } from './exit-code-of-pass.js';
import type { ExitCode } from './exit-codes.js';
import { previewHarvest } from './harvest-sources.js';
import { localTimeText } from './local-time-text.js';
import { verdictDocument } from './report-json.js';
import { checkSelection, type Selection } from './run-once.js';
import { isoOrNull } from './sessions/session-words.js';
import { StopSignals } from './stop-signals.js';
import { whyNotBuilt } from './why-not-built.js';

/** Sessions that one dry run shows at most. */
const MOST_SESSIONS = 1000;

/** A session of a dry run: one that would be built, or one that was named and would not be. */
type PlannedSession = Omit<SessionPlan, 'outcome' | 'files'> & {
  readonly outcome: RecordStatus | 'DEFERRED';
};

function planDocument(plan: PlannedSession): unknown {
  const { session } = plan;
  return {
    session_identifier: session.identifier,
    session_key: session.key,
    instrument: session.instrumentPid,
    start: isoOrNull(session.startMs),
    end: isoOrNull(session.endMs),
    user: session.user,
    outcome: plan.outcome,
    reason: plan.reason,
    version: plan.version,
    files: plan.verdicts.map(verdictDocument),
    activities: plan.activities.map((files) => files.map((file) => file.location)),
  };
}

function printPlan(context: CommandContext, plan: PlannedSession, zone: string): void {
  const { session } = plan;
  const time = (epochMs: number | null, none: string): string =>
    epochMs === null ? none : localTimeText(epochMs, zone);
  context.print(
    `${session.key}  ${session.instrumentPid}  ${time(session.startMs, 'no START')} to ` +
      `${time(session.endMs, 'no END')}  ${session.user ?? 'no user'}\n` +
      `  ${plan.outcome}${plan.reason === null ? '' : `: ${plan.reason}`}`,
  );
  context.table(
    plan.verdicts.map(({ location, verdict, rule, sizeBytes, mtimeNs }) => ({
      file: location,
      // An unreadable file has no time of its own.
      modified: mtimeNs === 0n ? null : localTimeText(Number(mtimeNs / 1_000_000n), zone),
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

interface DrySelection extends Selection {
  readonly pauses: readonly Pause[];
  /** Time zones, by instrument_pid. */
  readonly zones: ReadonlyMap<string, string>;
  readonly due: readonly WorkingSession[];
}

/** What a pass would take up now. */
async function selectDue(
  application: Application,
  options: RunOptions,
  harvest: () => Promise<readonly ObservedUsageEvent[]>,
): Promise<DrySelection> {
  const { database, environment } = application;
  const selection = await checkSelection(application, options);
  const { identifiers, instrumentPids } = selection;
  const nowMs = environment.clock.now().toMillis();
  const dead = await deadLeases(environment);
  const harvested = options.harvest === false ? [] : await harvest();
  return database.createScope(async () => {
    const pauses = await activePauses(nowMs);
    const instruments = await listInstruments();
    const wanted: SessionsToBuildOptions = {
      limit: MOST_SESSIONS,
      nowMs,
      ignoreBackoff: identifiers !== null,
      exceptInstrumentPids: pausedInstruments(pauses),
      leasesOver: dead.map(({ sessionIdentifier }) => sessionIdentifier),
      ...(identifiers === null ? {} : { identifiers }),
      ...(instrumentPids === null ? {} : { instrumentPids }),
    };
    return {
      ...selection,
      pauses,
      zones: new Map(instruments.map(({ pid, timezone }) => [pid, timezone])),
      due: isAllPaused(pauses) ? [] : await dueAfterHarvest(wanted, harvested),
    };
  });
}

/** What would be due once the harvested usage events were in the log. */
async function dueAfterHarvest(
  wanted: SessionsToBuildOptions,
  harvested: readonly ObservedUsageEvent[],
): Promise<readonly WorkingSession[]> {
  const due = await getSessionsToBuild(wanted);
  const reported = harvested.flatMap(({ instrumentPid, ...event }) =>
    instrumentPid === null ? [] : [{ ...event, instrumentPid }],
  );
  const known = new Set(harvested.map(({ sessionIdentifier }) => sessionIdentifier));
  return [
    ...due.filter(({ identifier }) => !known.has(identifier)),
    ...(await dueAsReported(reported, wanted)),
  ].slice(0, MOST_SESSIONS);
}

/** The plans of all that is due, one after the other. What is away for one session is not asked for again. */
async function* plansOf(
  { environment }: Application,
  { due }: DrySelection,
  signals: StopSignals,
): AsyncGenerator<SessionPlan, void, undefined> {
  const away = { store: new Map<string, string>(), source: new Map<string, string>() };
  for (const session of due) {
    if (signals.stopTaking.aborted) return;
    const needed = { store: session.instrumentPid, source: environment.sourceOf(session) ?? '' };
    const known = (['store', 'source'] as const).flatMap((what) => {
      const reason = away[what].get(needed[what]);
      return reason === undefined ? [] : [{ away: what, reason }];
    });
    const plan = await planSession(environment, session, known[0] ?? null, signals.stopWork);
    if ((plan.away === 'store' || plan.away === 'source') && plan.reason !== null) {
      away[plan.away].set(needed[plan.away], plan.reason);
    }
    yield plan;
  }
}

/** Those that were named and that a pass would not take up. */
async function plansNotBuilt(
  { database, environment }: Application,
  { identifiers, instrumentPids, due }: DrySelection,
): Promise<PlannedSession[]> {
  const left = (identifiers ?? []).filter(
    (one) => !due.some(({ identifier }) => identifier === one),
  );
  const nowMs = environment.clock.now().toMillis();
  return database.createScope(async () => {
    const plans: PlannedSession[] = [];
    for (const identifier of left) {
      const why = await whyNotBuilt(identifier, instrumentPids?.[0] ?? null, nowMs);
      const { session, outcome, reason, record } = why;
      const version = record?.version ?? null;
      plans.push({ session, outcome, reason, version, verdicts: [], activities: [], away: null });
    }
    return plans;
  });
}

function notePauses(context: CommandContext, { pauses, due }: DrySelection, shown: number): void {
  for (const { scope, target, author, reason } of pauses) {
    if (scope !== 'all' && scope !== 'instrument') continue;
    context.note(`${target ?? 'Everything'} is paused by ${author}: ${reason}`);
  }
  if (shown === 0) context.note('Nothing is due.');
  if (due.length === MOST_SESSIONS) context.note(`Only the first ${MOST_SESSIONS} are shown.`);
}

/**
 * `recordsmith --run-once --dry-run`: what a pass would do, and the exit code that it would have. The database is opened
 * for reading only.
 */
export async function dryRun(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  const { config, log } = await context.open({ writesNothing: true });
  const { version } = context;
  const application = await openApplication({ config, log, version, readOnly: true });
  const signals = new StopSignals(log, 0);
  try {
    const selection = await selectDue(application, options, () =>
      previewHarvest({ application, sources: application.sources, log }, signals.stopTaking),
    );
    const shown: PlannedSession[] = [];
    const reports: { outcome: SessionPlan['outcome']; away: WhatIsAway | null }[] = [];
    const show = (plan: PlannedSession): void => {
      if (context.json) shown.push(plan);
      else printPlan(context, plan, selection.zones.get(plan.session.instrumentPid) ?? 'utc');
    };
    for await (const plan of plansOf(application, selection, signals)) {
      reports.push({ outcome: plan.outcome, away: plan.away });
      show(plan);
    }
    const notBuilt = await plansNotBuilt(application, selection);
    notBuilt.forEach(show);
    if (context.json) context.printJson({ sessions: shown.map(planDocument) });
    else notePauses(context, selection, reports.length + notBuilt.length);
    return await exitCodeOfPass(application.environment, reports);
  } finally {
    signals.dispose();
    await application.close();
  }
}
