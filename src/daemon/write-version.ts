import { createHash } from 'node:crypto';
import { ownerOfPublicPath } from '../db/publication-store.js';
import { currentRecord, listRecords, type RecordVersion } from '../db/record-store.js';
import type { Instrument } from '../domain/instrument.js';
import type { ExperimentRecord } from '../domain/record.js';
import type { Session } from '../domain/session.js';
import { fingerprintOf } from '../record/fingerprint.js';
import { publicPaths, type RecordNameInput } from '../record/record-names.js';
import { saveRecord } from '../record/save-record.js';
import type { XmlFault } from '../record/validate-xml.js';
import type { BuildEnvironment } from './build-environment.js';
import type { WrittenVersion } from './build-ending.js';

/** What writing a version came to. */
export type WriteVersionResult =
  | { readonly kind: 'written'; readonly version: WrittenVersion }
  /** The current version says the same: nothing was written. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'invalid'; readonly faults: readonly XmlFault[]; readonly keptAside: string };

/** What a version is written from. */
export interface WriteVersionOptions {
  readonly environment: BuildEnvironment;
  readonly session: Session;
  readonly instrument: Instrument;
  readonly record: ExperimentRecord;
}

/** The name inputs of a session's record; a plain name that another session has already gets a suffix. */
async function namesOf(options: WriteVersionOptions): Promise<RecordNameInput> {
  const { environment, session, instrument } = options;
  const names: RecordNameInput = {
    sessionIdentifier: session.identifier,
    sessionKey: session.key,
    instrumentPid: instrument.pid,
    timezone: instrument.timezone,
    startMs: session.start.toMillis(),
    layout: environment.record.layout,
    collides: false,
  };
  const owner = await environment.database.createScope(() =>
    ownerOfPublicPath(publicPaths(names).xml),
  );
  return owner === null || owner === session.identifier ? names : { ...names, collides: true };
}

/**
 * What tells the file of a version from all others: its own content and the version it follows, so that a record that
 * goes back to what it said before still gets a file of its own.
 */
function versionHash(fingerprint: string, latest: RecordVersion | null): string {
  return latest === null
    ? fingerprint
    : createHash('sha256').update(`${fingerprint} ${latest.path}`).digest('hex');
}

/**
 * Writes the record as an immutable file of its version, synced and validated, unless the current version says the
 * same. Nothing of it is public yet.
 * @throws AppError FILE_NOT_WRITABLE.
 */
export async function writeVersion(options: WriteVersionOptions): Promise<WriteVersionResult> {
  const { environment, session, record } = options;
  const names = await namesOf(options);
  const publicPath = publicPaths(names).xml;
  const fingerprint = fingerprintOf(record);
  const { current, latest } = await environment.database.createScope(async () => ({
    current: await currentRecord(session.identifier),
    latest: (await listRecords(session.identifier))[0] ?? null,
  }));
  if (current?.fingerprint === fingerprint && current.publicPath === publicPath) {
    return { kind: 'unchanged' };
  }
  const saved = await saveRecord({
    recordsFolder: environment.paths.records,
    record,
    fingerprint: versionHash(fingerprint, latest),
    names,
    validator: await environment.validator(),
  });
  if (saved.kind === 'invalid') {
    return { kind: 'invalid', faults: saved.faults, keptAside: saved.keptAside.path };
  }
  return {
    kind: 'written',
    version: {
      path: saved.paths.xml,
      publicPath,
      sha256: saved.xml.sha256,
      fingerprint,
      cause: current === null ? 'first build' : 'the inputs changed',
      activities: record.activities,
    },
  };
}
