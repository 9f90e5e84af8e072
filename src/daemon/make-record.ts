import { clusterByTimeInSlices, secondsOf } from '../activities/cluster-by-time.js';
import { fileTimesNs, summarizeActivities } from '../activities/summarize-activity.js';
import type { Activity } from '../domain/activity.js';
import type { Instrument } from '../domain/instrument.js';
import type { Dataset } from '../domain/dataset.js';
import type { ExperimentRecord } from '../domain/record.js';
import type { Session } from '../domain/session.js';
import type { SourceDetails } from '../domain/source-answer.js';
import type { LookRequest } from '../files/look-request.js';
import { buildRecord } from '../record/record-model.js';
import type { BuildEnvironment, BuildPolicy } from './build-environment.js';
import { sessionContext } from './session-context.js';

/** Groups datasets into acquisition activities, closest in time together. */
export async function groupDatasets(
  datasets: readonly Dataset[],
  policy: BuildPolicy,
): Promise<readonly Activity[]> {
  const times = fileTimesNs(datasets).map(secondsOf);
  const clusters = await clusterByTimeInSlices(times, policy.clustering);
  return summarizeActivities(datasets, clusters.activities);
}

/** What a record is made from. */
export interface MakeRecordOptions {
  readonly environment: Pick<BuildEnvironment, 'database' | 'record'>;
  readonly session: Session;
  readonly instrument: Instrument;
  readonly activities: readonly Activity[];
  /** What the source says; null: nothing. */
  readonly source: SourceDetails | null;
  /** What the build has to say. */
  readonly warnings: readonly string[];
  readonly verdictCounts: Readonly<Record<string, number>>;
}

/**
 * Makes the record of a session as a value.
 * @throws AppError CONFIG_INVALID for a wrong title template.
 */
export async function makeRecord(options: MakeRecordOptions): Promise<ExperimentRecord> {
  const { environment, session, instrument, activities, source, warnings, verdictCounts } = options;
  const context = await environment.database.createScope(() => sessionContext(session, source));
  return buildRecord(
    { session, instrument, activities, warnings, verdictCounts, ...context },
    environment.record,
  );
}

/** The clock offsets that held in the session, as a sentence for the record; null: clocks agreed. */
export function clockOffsetNote({
  folders,
  startMs,
  endMs,
}: Pick<LookRequest, 'folders' | 'startMs' | 'endMs'>): string | null {
  const used = folders.flatMap(({ path, clockOffsets }) => {
    const offsets = clockOffsets.filter(({ validFromMs }, index) => {
      const isOver = (clockOffsets[index + 1]?.validFromMs ?? Infinity) <= startMs;
      return validFromMs <= endMs && !isOver;
    });
    if (offsets.every(({ offsetMs }) => offsetMs === 0)) return [];
    return [`${path}: ${offsets.map(({ offsetMs }) => `${offsetMs / 1000} s`).join(', then ')}`];
  });
  return used.length === 0
    ? null
    : `File times were corrected by the clock offset of the instrument (${used.join(', ')}).`;
}
