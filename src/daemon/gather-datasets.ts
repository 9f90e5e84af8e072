import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import type { Dataset } from '../domain/dataset.js';
import type { Session } from '../domain/session.js';
import { decideByAcquiredTime } from '../files/acquired-time.js';
import { findMissingFiles } from '../files/missing-files.js';
import { zonedInstant } from '../record/describe-record.js';
import type { BuildPolicy } from './build-environment.js';
import type { Look } from './look-at-session.js';
import type { LookRequest } from '../files/look-request.js';
import { refusedPlaces } from './read-session-files.js';

const DAY_MS = 86_400_000;

/** The datasets of a record with what is to be said about them. */
export interface GatheredDatasets {
  readonly datasets: readonly Dataset[];
  /** Of the look, as they are after reading. */
  readonly verdicts: readonly FileVerdict[];
  readonly warnings: readonly string[];
  /** Files near the session that its times, as they are now, leave out. */
  readonly outside: ReadonlySet<Location>;
}

/** What the datasets of a session are gathered from. */
export interface GatherDatasetsOptions {
  readonly session: Session;
  readonly policy: BuildPolicy;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly request: LookRequest;
  readonly look: Look;
  /** Of every file of the look, also of those whose own time decides. */
  readonly read: readonly Dataset[];
  /** Of the current version of the record, setup values included; empty: there is none, or a fresh start is wanted. */
  readonly recorded: readonly Dataset[];
  readonly nowMs: number;
}

function acquiredByLocation(datasets: readonly Dataset[]): Map<Location, number | null> {
  const acquired = new Map<Location, number | null>();
  for (const { location, acquiredMs } of datasets) {
    const known = acquired.get(location) ?? null;
    const earliest = known === null || (acquiredMs !== null && acquiredMs < known);
    acquired.set(location, earliest ? acquiredMs : known);
  }
  return acquired;
}

/** Files whose own time lies more than a day outside of the session: an old file copied or opened again. */
function staleLocations(datasets: readonly Dataset[], session: Session): Set<Location> {
  const fromMs = session.start.toMillis() - DAY_MS;
  const toMs = session.end.toMillis() + DAY_MS;
  return new Set(
    datasets
      .filter(({ acquiredMs }) => acquiredMs !== null && (acquiredMs < fromMs || acquiredMs > toMs))
      .map(({ location }) => location),
  );
}

/**
 * Decides which of the datasets read belong to the session after all (their own acquisition time may say no) and keeps
 * those of the current version that cannot be found or read any more. Pure.
 */
export function gatherDatasets(options: GatherDatasetsOptions): GatheredDatasets {
  const { session, policy, timezone, request, look, read, recorded, nowMs } = options;
  const acquired = acquiredByLocation(read);
  const decision = decideByAcquiredTime(request, look.needsAcquiredTime, acquired);
  const undecided = new Set(look.needsAcquiredTime.map((file) => file.location));
  const timeOf = new Map(decision.files.map((file) => [file.location, file.timeNs]));
  const included = new Set(request.included);
  const warnings: string[] = [];

  let datasets = read.flatMap((dataset) => {
    if (!undecided.has(dataset.location)) return [dataset];
    const timeNs = timeOf.get(dataset.location);
    return timeNs === undefined ? [] : [{ ...dataset, timeNs }];
  });
  let verdicts: readonly FileVerdict[] = [...look.verdicts, ...decision.verdicts];

  const stale = staleLocations(datasets, session);
  for (const location of included) stale.delete(location);
  if (stale.size > 0 && policy.staleFiles === 'exclude') {
    datasets = datasets.filter((dataset) => !stale.has(dataset.location));
    verdicts = verdicts.map((verdict) =>
      stale.has(verdict.location)
        ? { ...verdict, verdict: 'stale', rule: 'acquired more than a day outside of the session' }
        : verdict,
    );
  } else {
    for (const dataset of datasets) {
      if (!stale.has(dataset.location) || dataset.signalNumber > 1) continue;
      warnings.push(`${dataset.name}: acquired more than a day outside of the session.`);
    }
  }

  const takenOver = new Set([...look.takenOver, ...decision.takenOver]);
  const others = verdicts.filter(
    ({ location, verdict }) => verdict === 'other session' && !takenOver.has(location),
  ).length;
  if (others > 0) warnings.push(overlapNote(others));
  if (takenOver.size > 0) warnings.push(takenOverNote(takenOver.size));

  const files = filesOf([...look.files, ...decision.files], datasets);
  const signalsOf = new Map<Location, Dataset[]>();
  for (const dataset of recorded) {
    const signals = signalsOf.get(dataset.location);
    if (signals === undefined) signalsOf.set(dataset.location, [dataset]);
    else signals.push(dataset);
  }
  const firstSignals = [...signalsOf.values()].flatMap((signals) => signals[0] ?? []);
  const outside = new Set(
    verdicts
      .filter(({ verdict }) => verdict === 'before start' || verdict === 'after end')
      .map((verdict) => verdict.location),
  );
  const kept: Dataset[] = [];
  const unreadable = new Set([...refusedPlaces(look.verdicts), ...look.storeFaults]);
  for (const state of findMissingFiles({
    recorded: firstSignals,
    files,
    verdicts,
    unreadable,
    nowMs,
  })) {
    if (state.kind !== 'missing' && state.kind !== 'unreadable') continue;
    const { missingSinceMs } = state;
    const { location } = state.recorded;
    for (const signal of signalsOf.get(location) ?? []) {
      kept.push({ ...signal, missingSinceMs });
    }
    // Of what cannot be read the look has said so.
    if (missingSinceMs === null) continue;
    const since = zonedInstant(missingSinceMs, timezone);
    warnings.push(
      outside.has(location)
        ? `${location}: no longer within the times of the session, since ${since}.`
        : `${location}: missing since ${since}.`,
    );
  }
  return { datasets: [...datasets, ...kept], verdicts, warnings, outside };
}

/** Never says whose they are: a record may be read by people who may not know. */
function overlapNote(files: number): string {
  const subject = files === 1 ? '1 file' : `${files} files`;
  const belongs = files === 1 ? 'belongs' : 'belong';
  return `Sessions overlap on this folder: ${subject} written in this session ${belongs} to another one.`;
}

/** The times of the session changed; what its record held is in the record of another one. */
function takenOverNote(files: number): string {
  const subject = files === 1 ? '1 file' : `${files} files`;
  const [was, belongs] = files === 1 ? ['was', 'belongs'] : ['were', 'belong'];
  return `${subject} of an earlier version ${was} written outside the times of this session and ${belongs} to another one.`;
}

function filesOf(files: readonly FoundFile[], datasets: readonly Dataset[]): FoundFile[] {
  const kept = new Set(datasets.map((dataset) => dataset.location));
  return files.filter((file) => kept.has(file.location));
}
