import type { Instrument } from '../domain/instrument.js';
import type { Session } from '../domain/session.js';
import { CLAIMED_EXTENSIONS, COMPANION_RULES } from '../extract/registry.js';
import { userFolderPattern } from '../files/file-owner.js';
import {
  DEFAULT_NEAR_MS,
  type ClaimFolder,
  type FileClaim,
  type LookRequest,
} from '../files/look-request.js';
import type { BuildPolicy } from './build-environment.js';

/** How long after END a copied file is still read for its own acquisition time. */
const ACQUIRED_WITHIN_MS = 30 * 24 * 3_600_000;

/** What a session's files are looked for by, besides what people and other sessions say. */
export interface LookSubject {
  readonly session: Session;
  /** With the clock offsets that hold for the session. */
  readonly instrument: Instrument;
  readonly policy: Pick<
    BuildPolicy,
    'endGraceMs' | 'strategy' | 'ignorePatterns' | 'ignoredFolders' | 'facilityClaims'
  >;
  /** paths.data: absolute. */
  readonly dataPath: string;
}

/** What people said about a session's files, and other sessions near it. */
export type LookSurroundings = Pick<
  LookRequest,
  'directories' | 'included' | 'excluded' | 'nextStartMs' | 'recorded' | 'neighbours'
>;

/** A session of which nobody said anything, alone on its folders. */
export const NO_SURROUNDINGS: LookSurroundings = {
  directories: [],
  included: [],
  excluded: [],
  nextStartMs: null,
  recorded: [],
  neighbours: [],
};

/** A claim without its session's end grace, which only counts for the session that is looked for. */
export function claimOf(
  session: Pick<FileClaim, 'sessionIdentifier' | 'startMs' | 'endMs'> & {
    readonly user: string | null;
  },
  directories: readonly string[],
  instrument: Instrument | null,
  folders: readonly ClaimFolder[],
): FileClaim {
  const { sessionIdentifier, startMs, endMs, user } = session;
  return {
    sessionIdentifier,
    startMs,
    endMs,
    directories: [...directories],
    userFolderPattern: userFolderPattern(instrument?.userFolder ?? null, user),
    folders,
    clockOffsetsElsewhere: instrument?.folders[0]?.clockOffsets ?? [],
  };
}

/** The look for a session's files as a plain value that can go to a store process. Pure. */
export function composeLookRequest(
  { session, instrument, policy, dataPath }: LookSubject,
  surroundings: LookSurroundings,
): LookRequest {
  const { identifier, user } = session;
  const startMs = session.start.toMillis();
  const endMs = session.end.toMillis();
  return {
    ...surroundings,
    dataPath,
    folders: instrument.folders.map((folder) => ({
      ...folder,
      clockOffsets: [...folder.clockOffsets],
      patterns: [...folder.patterns],
    })),
    allowedRoots: [],
    startMs,
    endMs,
    endGraceMs: policy.endGraceMs,
    nearMs: DEFAULT_NEAR_MS,
    acquiredWithinMs: ACQUIRED_WITHIN_MS,
    strategy: policy.strategy,
    extensions: [
      ...CLAIMED_EXTENSIONS,
      ...policy.facilityClaims.flatMap(({ extensions }) => extensions),
    ],
    claimedPatterns: policy.facilityClaims.flatMap(({ files }) => files),
    ignorePatterns: [...policy.ignorePatterns],
    ignoredFolders: [...policy.ignoredFolders],
    companions: [
      ...COMPANION_RULES,
      ...policy.facilityClaims.flatMap(({ companions }) => companions),
    ],
    claim: claimOf(
      { sessionIdentifier: identifier, user, startMs, endMs: endMs + policy.endGraceMs },
      surroundings.directories,
      instrument,
      instrument.folders,
    ),
    effort: 'index',
  };
}
