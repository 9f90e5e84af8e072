import { claimSession } from '../../src/db/build-lease-store.js';
import type { Database } from '../../src/db/database.js';
import { insertInstrument } from '../../src/db/instrument-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { settleBuild, type Settlement, type SettleResult } from '../../src/db/settle-build.js';
import type { Activity } from '../../src/domain/activity.js';
import type { Instrument } from '../../src/domain/instrument.js';
import type { Dataset } from '../../src/domain/dataset.js';

/** An instrument with plain values. */
export function testInstrument(pid: string, changes: Partial<Instrument> = {}): Instrument {
  return {
    pid,
    displayName: `The ${pid}`,
    apiUrl: null,
    calendarUrl: null,
    location: null,
    propertyTag: null,
    harvester: null,
    timezone: 'Europe/Berlin',
    active: true,
    userFolder: null,
    computerName: null,
    computerIp: null,
    settings: {},
    folders: [
      { path: pid, timeBasis: 'mtime', clockOffsets: [], patterns: [], rootSeenNonemptyAtMs: null },
    ],
    ...changes,
  };
}

/** Adds an instrument with plain values. */
export function addInstrument(
  database: Database,
  pid: string,
  changes: Partial<Instrument> = {},
): Promise<void> {
  return database.createScope(() => insertInstrument(testInstrument(pid, changes)));
}

/** Logs the START and END of a session. */
export async function logSession(
  database: Database,
  identifier: string,
  session: {
    readonly start: string;
    readonly end?: string;
    readonly instrument?: string;
    readonly user?: string;
  },
): Promise<void> {
  const common = {
    sessionIdentifier: identifier,
    instrumentPid: session.instrument ?? 'titan',
    user: session.user ?? 'ada',
    source: 'test',
  };
  await database.createScope(async () => {
    await insertLog({ ...common, eventType: 'START', at: session.start });
    if (session.end !== undefined) {
      await insertLog({ ...common, eventType: 'END', at: session.end });
    }
  });
}

/** A dataset with plain values. */
export function testDataset(location: string, changes: Partial<Dataset> = {}): Dataset {
  return {
    name: location.slice(location.lastIndexOf('/') + 1),
    location,
    format: 'DigitalMicrograph 3',
    type: 'Image',
    role: 'Experimental',
    description: null,
    preview: null,
    metadata: {},
    sizeBytes: 1000,
    mtimeNs: 1_772_366_400_123_456_789n,
    timeNs: 1_772_366_400_123_456_789n,
    acquiredMs: null,
    shape: [512, 512],
    calibration: [],
    dtype: 'uint16',
    reader: 'dm@1',
    signalNumber: 1,
    signalCount: 1,
    warnings: [],
    missingSinceMs: null,
    ...changes,
  };
}

/** An activity of datasets. */
export function testActivity(
  datasets: readonly Dataset[],
  changes: Partial<Activity> = {},
): Activity {
  return { seqno: 0, startMs: 1000, endMs: 2000, setup: {}, datasets, ...changes };
}

/** Claims a session as some process. @throws when it cannot be had. */
export async function claim(database: Database, identifier: string, owner = 'host-a:1') {
  const result = await database.createScope(() =>
    claimSession({ identifier, owner, leaseSeconds: 120 }),
  );
  if (result.kind !== 'claimed') throw new Error(`Not claimed: ${result.reason}`);
  return result;
}

/** Claims and settles a session; COMPLETED with a record of one dataset unless said otherwise. */
export async function build(
  database: Database,
  identifier: string,
  changes: Partial<Settlement> = {},
): Promise<SettleResult> {
  const claimed = await claim(database, identifier);
  return settle(database, identifier, claimed, changes);
}

/** Settles a claimed session. */
export function settle(
  database: Database,
  identifier: string,
  claimed: { readonly token: number; readonly inputsRevision: number },
  changes: Partial<Settlement> = {},
): Promise<SettleResult> {
  const path = `/records/versions/${encodeURIComponent(identifier)}-${String(claimed.token)}.xml`;
  return database.createScope(() =>
    settleBuild({
      identifier,
      token: claimed.token,
      inputsRevision: claimed.inputsRevision,
      outcome: 'COMPLETED',
      reason: null,
      durationMs: 12.5,
      host: 'host-a',
      softwareVersion: '0.1.0',
      fingerprint: `fingerprint ${String(claimed.token)}`,
      record: {
        path,
        publicPath: `/records/${encodeURIComponent(identifier)}.xml`,
        sha256: 'a'.repeat(64),
        cause: 'first build',
        activities: [testActivity([testDataset('/titan/a.dm3')])],
      },
      ...changes,
    }),
  );
}
