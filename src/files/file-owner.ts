import picomatch from 'picomatch';
import type { RecordStatus } from '../domain/record-status.js';
import type { FileClaim } from './look-request.js';
import { clockOffsetNs, msToNs } from './session-window.js';

/** A file as ownership sees it. */
export interface OwnedFile {
  /** Text of the path from paths.data, without a leading slash. */
  readonly path: string;
  /** Text of the path from the instrument's folder. */
  readonly pathInFolder: string;
  /** The path of that folder, as the request has it. */
  readonly folderPath: string;
  /** When it was written by the clock of the instrument, nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** Its own time where that decides, nanoseconds since the epoch; null: when it was written does. */
  readonly acquiredNs: bigint | null;
}

/** Whether a session of this status keeps its files from others. Open sessions and those without consent do. */
export function ownsFiles(status: RecordStatus): boolean {
  return status !== 'CANCELLED' && status !== 'SKIPPED';
}

/** The instrument's user_folder with a user filled in (`{username}/**`); null when either is not known. */
export function userFolderPattern(userFolder: string | null, user: string | null): string | null {
  if (userFolder === null || user === null || user === '') return null;
  // The name is text, not a pattern: `a*` must not own the folder of `ab`.
  const name = user.replaceAll(/[^\p{L}\p{N}_. @-]/gu, (character) => `\\${character}`);
  return userFolder.replaceAll('{username}', () => name);
}

/** Decides whose a file is when sessions overlap on one folder. Compiles the patterns once. */
export class FileOwner {
  readonly #claims: readonly {
    readonly claim: FileClaim;
    readonly startNs: bigint;
    readonly endNs: bigint | null;
    readonly matchesUser: ((path: string) => boolean) | null;
  }[];

  constructor(claims: readonly FileClaim[]) {
    this.#claims = claims.map((claim) => ({
      claim,
      startNs: msToNs(claim.startMs),
      endNs: claim.endMs === null ? null : msToNs(claim.endMs),
      matchesUser:
        claim.userFolderPattern === null
          ? null
          : picomatch(claim.userFolderPattern, { dot: true, nocase: true }),
    }));
  }

  /**
   * The claim that a file belongs to, with the rule in words (it never names another session, person or file); null
   * when none covers it. In this order: annotated directory, user folder, later START, smaller identifier.
   */
  ownerOf(file: OwnedFile): { readonly claim: FileClaim; readonly rule: string } | null {
    let candidates = this.#claims.filter(({ claim, startNs, endNs }) => {
      const timeNs = timeByClaim(file, claim);
      return timeNs !== null && timeNs > startNs && (endNs === null || timeNs <= endNs);
    });
    const [only, second] = candidates;
    if (only === undefined) return null;
    if (second === undefined) return { claim: only.claim, rule: 'it was written in that session' };

    const annotated = candidates.filter(({ claim }) => claim.directories.length > 0);
    if (annotated.length > 0) candidates = annotated;
    if (annotated.length === 1) return owner(annotated, 'its directory was given to that session');

    const inUserFolder = candidates.filter(({ matchesUser }) => matchesUser?.(file.pathInFolder));
    if (inUserFolder.length > 0) candidates = inUserFolder;
    if (inUserFolder.length === 1)
      return owner(candidates, "it lies in that session's user folder");

    const latest = Math.max(...candidates.map(({ claim }) => claim.startMs));
    const started = candidates.filter(({ claim }) => claim.startMs === latest);
    if (started.length === 1) return owner(started, 'that session started later');
    started.sort((a, b) => (a.claim.sessionIdentifier < b.claim.sessionIdentifier ? -1 : 1));
    return owner(started, 'sessions started at the same time; one of them owns it');
  }
}

/** The deciding time of a file as the session of a claim sees it; null: it lies outside of its folders. */
function timeByClaim(file: OwnedFile, claim: FileClaim): bigint | null {
  const { directories, folders, clockOffsetsElsewhere } = claim;
  const folder = folders.find(({ path }) => path === file.folderPath);
  if (directories.length === 0 ? folder === undefined : !isInside(file.path, directories)) {
    return null;
  }
  const offsets = folder?.clockOffsets ?? clockOffsetsElsewhere;
  return file.acquiredNs ?? file.mtimeNs - clockOffsetNs(file.mtimeNs, offsets);
}

function owner(
  candidates: readonly { readonly claim: FileClaim }[],
  rule: string,
): { readonly claim: FileClaim; readonly rule: string } | null {
  const [first] = candidates;
  return first === undefined ? null : { claim: first.claim, rule };
}

function isInside(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => {
    const plain = directory.replaceAll(/\/+/g, '/').replace(/^(\.?\/)+|\/$/g, '');
    return plain === '' || plain === '.' || path === plain || path.startsWith(`${plain}/`);
  });
}
