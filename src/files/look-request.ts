import { z } from 'zod';
import { TIME_BASES } from '../domain/instrument.js';

/** Partial copies and thumbnails' databases: never datasets. */
export const DEFAULT_IGNORE_PATTERNS: readonly string[] = ['*.part', '*.tmp', '~$*', '*.db'];

/** Folders that file servers keep for themselves; compared ignoring case, at any depth. */
export const DEFAULT_IGNORED_FOLDERS: readonly string[] = [
  '.snapshot',
  '~snapshot',
  '$RECYCLE.BIN',
  'System Volume Information',
  '@eaDir',
  '.git',
];

/** How far around the session files get a verdict: 30 minutes, in milliseconds. */
export const DEFAULT_NEAR_MS = 30 * 60 * 1000;

const claimSchema = z.object({
  /** Never shown to anybody; only decides between claims that are equal otherwise. */
  sessionIdentifier: z.string(),
  startMs: z.number(),
  /** END with its grace; null: still open. */
  endMs: z.number().nullable(),
  /** Annotated directories, relative to paths.data; empty: the instrument's folders. */
  directories: z.array(z.string()),
  /** The instrument's user_folder with this session's user filled in (see userFolderPattern); null: none. */
  userFolderPattern: z.string().nullable(),
});

const folderSchema = z.object({
  /** Relative to paths.data, or absolute inside it. */
  path: z.string(),
  timeBasis: z.enum(TIME_BASES),
  clockOffsets: z.array(z.object({ validFromMs: z.number(), offsetMs: z.number() })),
  /** Glob patterns relative to the folder of files that count; empty: all. */
  patterns: z.array(z.string()),
  /** Epoch milliseconds when the folder was first seen to hold anything; null: never. */
  rootSeenNonemptyAtMs: z.number().nullable(),
});

const companionSchema = z.object({
  /** Regular expression, matched on the whole name of a main file ignoring case: `(.+)_\d+\.ser`. */
  main: z.string(),
  /** Names of its companions in the same folder, `$1`... standing for the groups: `$1.emi`. Case is ignored. */
  companions: z.array(z.string()),
});

/** Everything a look at a store for one session depends on: plain values, so that it can go to a store process. */
export const lookRequestSchema = z.object({
  /** paths.data: absolute. */
  dataPath: z.string(),
  /** The instrument's folders; the first file store path first. */
  folders: z.array(folderSchema).min(1),
  /** Annotated directories of the session, relative to paths.data; not empty: they replace the folders. */
  directories: z.array(z.string()),
  /** Further absolute folders that symbolic links may lead to. */
  allowedRoots: z.array(z.string()),
  startMs: z.number(),
  endMs: z.number(),
  /** How long after END a file may still be written. */
  endGraceMs: z.number().nonnegative(),
  /** The next START on the instrument: the grace ends there; null: none. */
  nextStartMs: z.number().nullable(),
  /** How far around the session files get a verdict. */
  nearMs: z.number().nonnegative(),
  /**
   * Folders with time basis `acquired`: how long after END a file may be written to be read for its own time. Files are
   * copied late; the end keeps old sessions from reading everything written since.
   */
  acquiredWithinMs: z.number().nonnegative(),
  strategy: z.enum(['exclusive', 'inclusive']),
  /** Lower-case, with dot: what some format claims as its main file. */
  extensions: z.array(z.string()),
  ignorePatterns: z.array(z.string()),
  ignoredFolders: z.array(z.string()),
  companions: z.array(companionSchema),
  /** Locations that a person included or excluded: they win over every rule. */
  included: z.array(z.string()),
  excluded: z.array(z.string()),
  /** This session's claim on files, and those of sessions that may overlap it on the same folders. */
  claim: claimSchema,
  neighbours: z.array(claimSchema),
  /**
   * `index`: folders known from an earlier look of this process are only listed again when they changed or hold young
   * files; `walk`: everything is listed.
   */
  effort: z.enum(['index', 'walk']),
});

/** See lookRequestSchema. */
export type LookRequest = z.infer<typeof lookRequestSchema>;
/** One session's claim on files: what ownership is decided by. */
export type FileClaim = z.infer<typeof claimSchema>;
/** A folder as a look needs it. */
export type LookFolder = z.infer<typeof folderSchema>;
/** One line of the table of companions. */
export type CompanionRule = z.infer<typeof companionSchema>;
