import { filesOfDataset, type Dataset } from '../domain/dataset.js';
import type { Instrument } from '../domain/instrument.js';
import type { Session } from '../domain/session.js';
import type { LookRequest } from '../files/look-request.js';
import type { BuildPolicy } from './build-environment.js';
import { gatherDatasets, isStale, seriesRule, type GatheredDatasets } from './gather-datasets.js';
import { storeOf, type Look } from './look-at-session.js';
import { readFilesAndSeries } from './read-series.js';
import type { ReadSessionFilesOptions } from './read-session-files.js';

/** What a look found, with all that makes datasets of it. */
export interface ReadDatasetsOptions extends Pick<
  ReadSessionFilesOptions,
  'environment' | 'attempt' | 'acceptFailures' | 'acceptChanges' | 'onFileRead' | 'signal'
> {
  readonly session: Session;
  readonly instrument: Instrument;
  readonly policy: BuildPolicy;
  readonly request: LookRequest;
  readonly look: Look;
  /** Of the current version of the record; empty: there is none, or a fresh start is wanted. */
  readonly recorded: readonly Dataset[];
  /** Epoch milliseconds, asked for when the files are read. */
  readonly now: () => number;
}

/**
 * The datasets of a session from the files that a look found: reads them, of numbered series only some, and decides which
 * belong to it after all. Throws as readSessionFiles does.
 */
export async function readDatasets(options: ReadDatasetsOptions): Promise<GatheredDatasets> {
  const { session, instrument, policy, request, look, recorded } = options;
  const { timezone } = instrument;
  const read = await readFilesAndSeries({
    ...options,
    timezone,
    files: [...look.files, ...look.needsAcquiredTime],
    store: storeOf(instrument),
    readBefore: new Set(recorded.flatMap(filesOfDataset).map((file) => file.location)),
    series: seriesRule(policy, recorded),
    undecided: new Set(look.needsAcquiredTime.map((file) => file.location)),
    isOut: (dataset) => policy.staleFiles === 'exclude' && isStale(dataset, session),
  });
  const nowMs = options.now();
  return gatherDatasets({ session, policy, timezone, request, look, read, recorded, nowMs });
}
