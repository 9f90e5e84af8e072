import { toError } from '../errors.js';
import { accessSync, closeSync, constants, lstatSync, openSync, readSync, statSync } from 'node:fs';
import {
  isTapeStub,
  type FileVerdict,
  type FoundFile,
  type Verdict,
} from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { FileOwner, type OwnedFile } from './file-owner.js';
import type { LookFolder, LookRequest } from './look-request.js';
import { folderFilter, NameRules, type Companion } from './name-rules.js';
import {
  clockOffsetNs,
  placeInWindow,
  sessionWindow,
  type SessionWindow,
} from './session-window.js';
import { failureText, isStoreFailure } from './store-errors.js';
import { pathText, type StorePath } from './store-path.js';

/** Bytes of a companion that are looked at. */
const COMPANION_BYTES = 4096;

/** A file near the session with what its folder knows of it. */
export interface FileToJudge {
  readonly path: StorePath;
  readonly name: StorePath;
  readonly location: Location;
  /** From paths.data, and from the instrument's folder, without leading slash. */
  readonly pathInData: string;
  readonly pathInFolder: string;
  readonly folder: LookFolder;
  /** See NameRules.companionsIn. */
  readonly companions: ReadonlyMap<string, Companion>;
}

/** What a judge says. `needs-acquired-time`: all but the time speaks for it. */
export type Judgement =
  | { readonly kind: 'decided'; readonly verdict: FileVerdict; readonly file: FoundFile | null }
  /** The record held it; by now it lies outside the session, in another one. */
  | { readonly kind: 'taken-over'; readonly verdict: FileVerdict }
  /** `isStoreFault`: the store failed on it, it may come back. */
  | { readonly kind: 'unreadable'; readonly verdict: FileVerdict; readonly isStoreFault: boolean }
  | { readonly kind: 'needs-acquired-time'; readonly file: FoundFile }
  /** Too far from the session for a verdict. */
  | { readonly kind: 'far' };

const EXCLUDED = 'excluded by a person';

interface Facts {
  readonly sizeBytes: number;
  readonly blocks: number;
  readonly mtimeNs: bigint;
  readonly timeNs: bigint;
}

/** Applies every rule to one file near a session. A person's word comes first, then names, then time, then owner. */
export class FileJudge {
  readonly names: NameRules;
  readonly #request: LookRequest;
  readonly #window: SessionWindow;
  readonly #owner: FileOwner;
  readonly #included: ReadonlySet<Location>;
  readonly #excluded: ReadonlySet<Location>;
  readonly #recorded: ReadonlySet<Location>;
  readonly #filters = new Map<LookFolder, (path: string) => boolean>();

  constructor(request: LookRequest) {
    this.names = new NameRules(request);
    this.#request = request;
    this.#window = sessionWindow(request);
    this.#owner = ownerOfRequest(request);
    this.#included = new Set(request.included);
    this.#excluded = new Set(request.excluded);
    this.#recorded = new Set(request.recorded);
  }

  /** The judgement on what cannot be looked at; what a person excluded need not be readable. */
  judgeUnreadable(location: Location, reason: string, isStoreFault: boolean): Judgement {
    const facts = { location, sizeBytes: 0, mtimeNs: 0n };
    if (this.#excluded.has(location)) {
      const verdict = { ...facts, verdict: 'excluded', rule: EXCLUDED } as const;
      return { kind: 'decided', verdict, file: null };
    }
    const verdict = { ...facts, verdict: 'unreadable', rule: `cannot be read: ${reason}` } as const;
    return { kind: 'unreadable', verdict, isStoreFault };
  }

  /** The judgement on one file; reads its times afresh. */
  judge(file: FileToJudge): Judgement {
    let facts: Facts;
    try {
      facts = readFacts(file);
    } catch (error) {
      return this.judgeUnreadable(file.location, failureText(error), isStoreFailure(error));
    }
    const found: FoundFile = { location: file.location, name: pathText(file.name), ...facts };
    const decided = (verdict: Verdict, rule: string): Judgement => ({
      kind: 'decided',
      verdict: verdictOn(found, verdict, rule),
      file: verdict === 'in' || verdict === 'included' ? found : null,
    });

    if (this.#excluded.has(file.location)) return decided('excluded', EXCLUDED);
    const isIncluded = this.#included.has(file.location);
    let byName = isIncluded ? null : this.#judgeName(file);
    const byAcquired = file.folder.timeBasis === 'acquired' && !isIncluded && byName === null;
    const isRecorded = this.#recorded.has(file.location);
    const isNear = byAcquired ? this.#mayBeAcquired(facts.timeNs) : this.#isNear(facts);
    if (!isNear && !isIncluded && !isRecorded) return { kind: 'far' };
    if (byName?.holds != null) {
      const isCompanion = holdsText(file.path, facts, byName.holds);
      if (typeof isCompanion !== 'boolean') {
        return this.judgeUnreadable(file.location, failureText(isCompanion), true);
      }
      // Named like a companion, but a file of its own.
      if (!isCompanion) byName = this.#judgeName({ ...file, companions: new Map() });
    }
    if (byName !== null) return decided(byName.verdict, byName.rule);
    const place = placeInWindow(facts.timeNs, this.#window, 'written');
    const isWanted = isIncluded || byAcquired || place.verdict === 'in';
    const mayBeOthers = isWanted ? !isIncluded && !byAcquired : isRecorded;
    const other = mayBeOthers
      ? otherOwner(this.#owner, this.#request, {
          path: file.pathInData,
          pathInFolder: file.pathInFolder,
          folderPath: file.folder.path,
          mtimeNs: facts.mtimeNs,
          acquiredNs: null,
        })
      : null;
    if (other !== null && isWanted) return decided('other session', other);
    if (other !== null) {
      const rule = `${place.rule}; ${other}`;
      return { kind: 'taken-over', verdict: verdictOn(found, 'other session', rule) };
    }
    if (!isWanted) return decided(place.verdict, place.rule);
    const refusal = readRefusal(file.path);
    if (refusal !== null) {
      const rule = `cannot be read: ${failureText(refusal)}`;
      const verdict = verdictOn(found, 'unreadable', rule);
      return { kind: 'unreadable', verdict, isStoreFault: isStoreFailure(refusal) };
    }
    if (isIncluded) return decided('included', 'included by a person');
    if (byAcquired) return { kind: 'needs-acquired-time', file: found };
    return decided('in', place.rule);
  }

  #judgeName(
    file: FileToJudge,
  ): { readonly verdict: Verdict; readonly rule: string; readonly holds: RegExp | null } | null {
    const byName = this.names.judge(pathText(file.name), file.pathInFolder, file.companions);
    if (byName !== null) return byName;
    let counts = this.#filters.get(file.folder);
    if (counts === undefined) {
      counts = folderFilter(file.folder.patterns);
      this.#filters.set(file.folder, counts);
    }
    if (counts(file.pathInFolder)) return null;
    const patterns = file.folder.patterns.map((pattern) => `"${pattern}"`).join(', ');
    const rule = `not among the patterns of its folder: ${patterns}`;
    return { verdict: 'ignored', rule, holds: null };
  }

  #isNear({ timeNs }: Facts): boolean {
    const nearNs = BigInt(Math.ceil(this.#request.nearMs)) * 1_000_000n;
    return timeNs > this.#window.startNs - nearNs && timeNs <= this.#window.graceEndNs + nearNs;
  }

  #mayBeAcquired(timeNs: bigint): boolean {
    const withinNs = BigInt(Math.ceil(this.#request.acquiredWithinMs)) * 1_000_000n;
    return timeNs > this.#window.startNs && timeNs <= this.#window.graceEndNs + withinNs;
  }
}

/** The claims of a request, with the session's own reaching as far as its window. */
export function ownerOfRequest(request: LookRequest): FileOwner {
  const endMs = Number(sessionWindow(request).graceEndNs / 1_000_000n);
  const own = {
    ...request.claim,
    startMs: request.startMs,
    endMs,
    folders: request.folders,
    clockOffsetsElsewhere: request.folders[0]?.clockOffsets ?? [],
  };
  return new FileOwner([own, ...request.neighbours]);
}

/** The rule by which a file belongs to another session, or null when it is this one's. */
export function otherOwner(owner: FileOwner, request: LookRequest, file: OwnedFile): string | null {
  const decision = owner.ownerOf(file);
  if (decision === null) return null;
  if (decision.claim.sessionIdentifier === request.claim.sessionIdentifier) return null;
  return `belongs to another session on the same folder: ${decision.rule}`;
}

/** A file's verdict with its facts. */
export function verdictOn(file: FoundFile, verdict: Verdict, rule: string): FileVerdict {
  const { location, sizeBytes, mtimeNs } = file;
  return { location, verdict, rule, sizeBytes, mtimeNs };
}

function readFacts(file: FileToJudge): Facts {
  const own = lstatSync(file.path, { bigint: true });
  const stats = own.isSymbolicLink() ? statSync(file.path, { bigint: true }) : own;
  const timeNs = stats.mtimeNs - clockOffsetNs(stats.mtimeNs, file.folder.clockOffsets);
  const { size, blocks, mtimeNs } = stats;
  return { sizeBytes: Number(size), blocks: Number(blocks), mtimeNs, timeNs };
}

/**
 * Whether a file begins with what a companion holds; one that is archived to tape or cannot be read is not looked at.
 * @returns an Error when the store failed.
 */
function holdsText(path: StorePath, facts: Facts, text: RegExp): boolean | Error {
  if (isTapeStub(facts)) return true;
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(COMPANION_BYTES);
    const length = readSync(descriptor, bytes, 0, COMPANION_BYTES, 0);
    return text.test(bytes.toString('latin1', 0, length).replaceAll('\0', ''));
  } catch (error) {
    return isStoreFailure(error) ? toError(error) : true;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function readRefusal(path: StorePath): unknown {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return error;
  }
}
