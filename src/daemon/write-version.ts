import { createHash } from 'node:crypto';
import { ownerOfPublicPath } from '../db/publication-store.js';
import {
  currentRecord,
  listRecords,
  recordDatasets,
  type RecordVersion,
} from '../db/record-store.js';
import type { Instrument } from '../domain/instrument.js';
import type { Location } from '../domain/location.js';
import type { ExperimentRecord } from '../domain/record.js';
import type { Session } from '../domain/session.js';
import { AppError, systemErrorCode } from '../errors.js';
import { describeRecord } from '../record/describe-record.js';
import { fingerprintOf } from '../record/fingerprint.js';
import { pathInRecords, sha256OfFile } from '../record/publish-record.js';
import { publicPaths, type RecordNameInput } from '../record/record-names.js';
import { saveRecord } from '../record/save-record.js';
import type { XmlFault } from '../record/validate-xml.js';
import type { BuildEnvironment } from './build-environment.js';
import type { WrittenVersion } from './build-ending.js';
import { versionCause } from './version-cause.js';

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
  /** Files that lie outside of the session now. */
  readonly outside: ReadonlySet<Location>;
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

/** Whether the file of a version is there as it was written; one that was lost is written anew. */
async function isWhole(environment: BuildEnvironment, version: RecordVersion): Promise<boolean> {
  const path = pathInRecords(environment.paths.records, version.path);
  try {
    return (await sha256OfFile(path)) === version.sha256;
  } catch (error) {
    // Our own folder is in trouble, for every session alike: nothing is counted on this one.
    throw new AppError('FILE_NOT_WRITABLE', `The records folder is not usable: ${path}.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder and of what is in it.',
      details: { path, systemCode: systemErrorCode(error) },
    });
  }
}

/** Why the version is made, for people. */
async function causeOf(
  { environment, record, outside }: WriteVersionOptions,
  current: RecordVersion | null,
  latest: RecordVersion | null,
  saysTheSame: boolean,
): Promise<string> {
  if (latest === null) return 'first build';
  if (current === null) return 'built again after it was withdrawn';
  if (saysTheSame) return 'the file of the version before was damaged';
  const before = await environment.database.createScope(() => recordDatasets(current.recordId));
  return versionCause(before, record, outside);
}

/**
 * Writes the record as an immutable file of its version, synced and validated, unless the current version says the
 * same. Nothing of it is public yet.
 * @throws AppError FILE_NOT_WRITABLE, also when the current version's file cannot be read.
 */
export async function writeVersion(options: WriteVersionOptions): Promise<WriteVersionResult> {
  const { environment, session, record } = options;
  const names = await namesOf(options);
  const publicPath = publicPaths(names).xml;
  const document = describeRecord(record);
  const fingerprint = fingerprintOf(document);
  const { current, latest } = await environment.database.createScope(async () => ({
    current: await currentRecord(session.identifier),
    latest: (await listRecords(session.identifier))[0] ?? null,
  }));
  const saysTheSame = current?.fingerprint === fingerprint && current.publicPath === publicPath;
  if (saysTheSame && (await isWhole(environment, current))) return { kind: 'unchanged' };
  const saved = await saveRecord({
    recordsFolder: environment.paths.records,
    document,
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
      cause: await causeOf(options, current, latest, saysTheSame),
      activities: record.activities,
    },
  };
}
