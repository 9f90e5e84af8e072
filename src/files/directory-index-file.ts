import { Buffer } from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError, systemErrorCode } from '../errors.js';
import type { DirectoryEntry, DirectoryIndexContents } from './directory-index.js';
import type { StorePath } from './store-path.js';

/** Rises when the file is written otherwise: older ones are then made anew by a walk. */
const VERSION = 1;
const FORMAT = 'recordsmith folder index';
const LARGEST_FILE_BYTES = 512 * 1024 * 1024;
/** Index files that nobody wrote for this long are of roots that are no more. */
const UNUSED_MS = 30 * 24 * 3600 * 1000;
/** Unfinished files this old were left behind by a process that was killed. */
const UNFINISHED_MS = 3600 * 1000;

/** A path or name: text, or the bytes as base64 in an array of one. */
type StoredPath = string | readonly [string];

/** A folder: DirectoryEntry in the order of its fields, with the number of its files in the place of their times. */
type StoredFolder = readonly [
  path: string,
  mtimeMs: number,
  ctimeMs: number,
  inode: number,
  device: number,
  firstSeenAtMs: number,
  listedAtMs: number,
  isEmpty: boolean,
  subfolders: readonly StoredPath[],
  links: readonly StoredPath[],
  fileCount: number,
  youngFiles: readonly (readonly [StoredPath, number])[] | null,
];

interface StoredIndex {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly key: string;
  readonly walkedAtMs: number;
  readonly folders: readonly StoredFolder[];
  /** Of all files, folder after folder: float64 in the order of bytes of this machine, as base64. */
  readonly fileMtimesMs: string;
}

// By hand: a store process starts with every run, and loading a library of schemas would take longer than this check.

function isStoredPath(value: unknown): value is StoredPath {
  if (typeof value === 'string') return true;
  return Array.isArray(value) && value.length === 1 && typeof value[0] === 'string';
}

function isStoredFolder(value: unknown): value is StoredFolder {
  if (!Array.isArray(value) || value.length !== 12) return false;
  const parts: readonly unknown[] = value;
  const [path, ...facts] = parts;
  const [isEmpty, subfolders, links, fileCount, youngFiles] = facts.slice(6);
  return (
    typeof path === 'string' &&
    facts.slice(0, 6).every((fact) => typeof fact === 'number') &&
    typeof isEmpty === 'boolean' &&
    Array.isArray(subfolders) &&
    subfolders.every(isStoredPath) &&
    Array.isArray(links) &&
    links.every(isStoredPath) &&
    isCount(fileCount) &&
    (youngFiles === null || (Array.isArray(youngFiles) && youngFiles.every(isYoungFile)))
  );
}

function isYoungFile(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isStoredPath(value[0]) && isCount(value[1]);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isStoredIndex(value: unknown): value is StoredIndex {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    value.format === FORMAT &&
    'version' in value &&
    value.version === VERSION &&
    'key' in value &&
    typeof value.key === 'string' &&
    'walkedAtMs' in value &&
    typeof value.walkedAtMs === 'number' &&
    'fileMtimesMs' in value &&
    typeof value.fileMtimesMs === 'string' &&
    'folders' in value &&
    Array.isArray(value.folders) &&
    value.folders.every(isStoredFolder)
  );
}

function toStored(path: StorePath): StoredPath {
  return typeof path === 'string' ? path : [path.toString('base64')];
}

function fromStored(stored: StoredPath): StorePath {
  return typeof stored === 'string' ? stored : Buffer.from(stored[0], 'base64');
}

/** Where the index of a key lies. */
export function indexPath(folder: string, key: string): string {
  return join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
}

function encode(key: string, { walkedAtMs, entries }: DirectoryIndexContents): string {
  const count = [...entries.values()].reduce((sum, entry) => sum + entry.fileMtimesMs.length, 0);
  const times = new Float64Array(count);
  let position = 0;
  const folders = Array.from(entries, ([path, entry]): StoredFolder => {
    times.set(entry.fileMtimesMs, position);
    position += entry.fileMtimesMs.length;
    return [
      path,
      entry.mtimeMs,
      entry.ctimeMs,
      entry.inode,
      entry.device,
      entry.firstSeenAtMs,
      entry.listedAtMs,
      entry.isEmpty,
      entry.subfolders.map(toStored),
      entry.links.map(toStored),
      entry.fileMtimesMs.length,
      entry.youngFiles?.map(({ name, index }) => [toStored(name), index] as const) ?? null,
    ];
  });
  const text = JSON.stringify({
    format: FORMAT,
    version: VERSION,
    key,
    walkedAtMs,
    folders,
    fileMtimesMs: Buffer.from(times.buffer).toString('base64'),
  } satisfies StoredIndex);
  return `${createHash('sha256').update(text).digest('hex')}\n${text}`;
}

/** Null for what is damaged, of another version, or of another key. */
function decode(content: Buffer, key: string): DirectoryIndexContents | null {
  const end = content.indexOf(0x0a);
  const text = content.subarray(end + 1);
  const digest = createHash('sha256').update(text).digest('hex');
  if (content.toString('latin1', 0, Math.max(0, end)) !== digest) return null;
  const stored: unknown = JSON.parse(text.toString('utf8'));
  if (!isStoredIndex(stored) || stored.key !== key) return null;
  const { walkedAtMs, folders, fileMtimesMs } = stored;
  const bytes = Buffer.from(fileMtimesMs, 'base64');
  const count = folders.reduce((sum, folder) => sum + folder[10], 0);
  if (bytes.length !== count * 8) return null;
  const times = new Float64Array(new Uint8Array(bytes).buffer);
  const entries = new Map<string, DirectoryEntry>();
  let position = 0;
  for (const [path, ...facts] of folders) {
    const [mtimeMs, ctimeMs, inode, device, firstSeenAtMs, listedAtMs, isEmpty] = facts;
    const [, , , , , , , subfolders, links, fileCount, young] = facts;
    const files = times.slice(position, position + fileCount);
    position += fileCount;
    entries.set(path, {
      mtimeMs,
      ctimeMs,
      inode,
      device,
      firstSeenAtMs,
      listedAtMs,
      isEmpty,
      subfolders: subfolders.map(fromStored),
      links: links.map(fromStored),
      fileMtimesMs: files,
      youngFiles: young?.map(([name, index]) => ({ name: fromStored(name), index })) ?? null,
    });
  }
  return { walkedAtMs, entries };
}

/** An index as it was kept; null when there is none, or none that can be used: then a walk makes it anew. */
export function readIndexFile(folder: string, key: string): DirectoryIndexContents | null {
  const path = indexPath(folder, key);
  try {
    if (statSync(path).size > LARGEST_FILE_BYTES) return null;
    return decode(readFileSync(path), key);
  } catch {
    // A cache: whatever is wrong with it, the store itself says what is true.
    return null;
  }
}

/**
 * Keeps an index, in one step: whoever reads it at the same time sees the old or the new one. Removes what is left of
 * roots that are no more.
 * @throws AppError FILE_NOT_WRITABLE
 */
export function writeIndexFile(
  folder: string,
  key: string,
  contents: DirectoryIndexContents,
  nowMs: number,
): void {
  const path = indexPath(folder, key);
  const unfinished = `${path}.${randomUUID()}.tmp`;
  try {
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(unfinished, encode(key, contents), { mode: 0o600 });
      renameSync(unfinished, path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    removeUnused(folder, nowMs);
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `The index of folders cannot be kept in ${folder}.`, {
      cause: error,
      remedy: 'Make paths.state writable. Until then every start looks at all folders again.',
      details: { path, systemCode: systemErrorCode(error) ?? null },
    });
  }
}

function removeUnused(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder)) {
    const most = name.endsWith('.tmp') ? UNFINISHED_MS : UNUSED_MS;
    if (!/^[0-9a-f]{32}\.json(\.[0-9a-f-]+\.tmp)?$/.test(name)) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && stats.mtimeMs < nowMs - most) rmSync(path, { force: true });
  }
}
