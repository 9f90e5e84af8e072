import type { CompanionRule } from '../domain/companion-rule.js';
import type { ClockOffset, TIME_BASES } from '../domain/instrument.js';

/** How far around the session files get a verdict: 30 minutes, in milliseconds. */
export const DEFAULT_NEAR_MS = 30 * 60 * 1000;

/** One session's claim on files: what ownership is decided by. */
export interface FileClaim {
  /** Never shown to anybody; only decides between claims that are equal otherwise. */
  readonly sessionIdentifier: string;
  readonly startMs: number;
  /** END with its grace; null: still open. */
  readonly endMs: number | null;
  /** Annotated directories, relative to paths.data; empty: the instrument's folders. */
  readonly directories: readonly string[];
  /** The instrument's user_folder with this session's user filled in (see userFolderPattern); null: none. */
  readonly userFolderPattern: string | null;
  /**
   * The folders of the request that this session has too, by their `path` there: without directories it claims nothing
   * else. Each with the clock offsets that hold for this session.
   */
  readonly folders: readonly ClaimFolder[];
  /** The clock offsets that hold for files of its directories that lie in none of these folders. */
  readonly clockOffsetsElsewhere: readonly ClockOffset[];
}

/** A folder as a claim sees it. */
export interface ClaimFolder {
  readonly path: string;
  readonly clockOffsets: readonly ClockOffset[];
}

/** A folder as a look needs it. */
export interface LookFolder {
  /** Relative to paths.data, or absolute inside it. */
  readonly path: string;
  readonly timeBasis: (typeof TIME_BASES)[number];
  readonly clockOffsets: readonly ClockOffset[];
  /** Glob patterns relative to the folder of files that count; empty: all. */
  readonly patterns: readonly string[];
  /** Epoch milliseconds when the folder was first seen to hold anything; null: never. */
  readonly rootSeenNonemptyAtMs: number | null;
}

/** Everything a look at a store for one session depends on: plain values, so that it can go to a store process. */
export interface LookRequest {
  /** paths.data: absolute. */
  readonly dataPath: string;
  /** The instrument's folders; the first file store path first. */
  readonly folders: readonly LookFolder[];
  /** Annotated directories of the session, relative to paths.data; not empty: they replace the folders. */
  readonly directories: readonly string[];
  /** Further absolute folders that symbolic links may lead to. */
  readonly allowedRoots: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  /** How long after END a file may still be written. */
  readonly endGraceMs: number;
  /** The next START on the instrument: the grace ends there; null: none. */
  readonly nextStartMs: number | null;
  /** How far around the session files get a verdict. */
  readonly nearMs: number;
  /**
   * Folders with time basis `acquired`: how long after END a file may be written to be read for its own time. Files are
   * copied late; the end keeps old sessions from reading everything written since.
   */
  readonly acquiredWithinMs: number;
  readonly strategy: 'exclusive' | 'inclusive';
  /** Lower-case, with dot: what some format claims as its main file. */
  readonly extensions: readonly string[];
  /** Patterns of names, any case, that some reader claims besides the extensions. @default none */
  readonly claimedPatterns?: readonly string[];
  readonly ignorePatterns: readonly string[];
  readonly ignoredFolders: readonly string[];
  readonly companions: readonly CompanionRule[];
  /** Locations that a person included or excluded: they win over every rule. */
  readonly included: readonly string[];
  readonly excluded: readonly string[];
  /**
   * Locations that the record holds, or that went from it to another session, and that may lie outside the session: each
   * file still there gets a verdict however far it is, and is another session's where that one owns it.
   */
  readonly recorded: readonly string[];
  /** This session's claim on files, and those of sessions that may overlap it on the same folders. */
  readonly claim: FileClaim;
  readonly neighbours: readonly FileClaim[];
  /**
   * `index`: folders known from an earlier look of this process are only listed again when they changed or hold young
   * files; `walk`: everything is listed.
   */
  readonly effort: 'index' | 'walk';
}
