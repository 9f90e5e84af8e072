import { readdirSync, realpathSync } from 'node:fs';
import { decodeLocation, displayName, encodeLocation, type Location } from '../domain/location.js';

/**
 * A path or name as the file system holds it. Text where the bytes are UTF-8 (much faster for node), else the bytes:
 * nothing is ever lost or replaced.
 */
export type StorePath = string | Buffer;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a path. */
export function pathBytes(path: StorePath): Buffer {
  return typeof path === 'string' ? Buffer.from(path, 'utf8') : path;
}

/** The path for people and patterns: percent-encoded when it is not UTF-8. */
export function pathText(path: StorePath): string {
  return typeof path === 'string' ? path : displayName(path);
}

/** Text when the bytes are UTF-8, else the bytes. */
export function storePath(bytes: Buffer): StorePath {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes;
  }
}

/** joinStorePath for many names of one folder, which then costs a third. */
export function joinerOf(folder: StorePath): (name: StorePath) => StorePath {
  if (typeof folder !== 'string') return (name) => joinStorePath(folder, name);
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return (name) => (typeof name === 'string' ? prefix + name : joinStorePath(folder, name));
}

/** What tells a folder from all others; of a path without symbolic links. */
export function folderKey(path: StorePath): string {
  // Text cannot begin with U+0000: no two keys are equal by chance.
  return typeof path === 'string' ? path : `\0${path.toString('latin1')}`;
}

/** A name inside a folder. */
export function joinStorePath(folder: StorePath, name: StorePath): StorePath {
  if (typeof folder === 'string' && typeof name === 'string') {
    return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
  }
  const bytes = pathBytes(folder);
  const slash = bytes.at(-1) === 0x2f ? '' : '/';
  return Buffer.concat([bytes, Buffer.from(slash), pathBytes(name)]);
}

/** Whether a path is a folder itself or lies inside it. Both without `..` and symbolic links. */
export function isInsideFolder(path: StorePath, folder: StorePath): boolean {
  const bytes = pathBytes(path);
  const parent = pathBytes(folder);
  if (parent.equals(Buffer.from('/'))) return true;
  if (!bytes.subarray(0, parent.length).equals(parent)) return false;
  return bytes.length === parent.length || bytes[parent.length] === 0x2f;
}

/**
 * The names in a folder, byte for byte, in no order.
 * @throws the file system's error.
 */
export function listNames(folder: StorePath): StorePath[] {
  const names = readdirSync(folder);
  // What is not UTF-8 was read as U+FFFD; a name that truly holds that character is only read twice.
  if (!names.some((name) => name.includes('\uFFFD'))) return names;
  return readdirSync(folder, { encoding: 'buffer' }).map(storePath);
}

/** The location of a path inside paths.data (both absolute). */
export function locationOf(path: StorePath, dataPath: string): Location {
  const bytes = pathBytes(path);
  const prefix = Buffer.byteLength(dataPath === '/' ? '' : dataPath);
  return encodeLocation(bytes.subarray(prefix));
}

/** The path of a location: the inverse of locationOf. */
export function pathOfLocation(location: Location, dataPath: string): StorePath {
  const folder = Buffer.from(dataPath === '/' ? '' : dataPath);
  return storePath(Buffer.concat([folder, decodeLocation(location)]));
}

/** Text of a path from a folder it lies in, without leading slash; for patterns and people. */
export function textInside(path: StorePath, folder: string): string {
  const prefix = folder === '/' ? 1 : folder.length + 1;
  if (typeof path === 'string') return path.slice(prefix);
  return pathText(path.subarray(folder === '/' ? 1 : Buffer.byteLength(folder) + 1));
}

/**
 * A path without symbolic links.
 * @throws the file system's error.
 */
export function realPath(path: StorePath): StorePath {
  return storePath(realpathSync.native(path, { encoding: 'buffer' }));
}

/** A path's folder and its last part. */
export function splitPath(path: StorePath): {
  readonly folder: StorePath;
  readonly name: StorePath;
} {
  const bytes = pathBytes(path);
  const slash = bytes.lastIndexOf(0x2f);
  return {
    folder: storePath(bytes.subarray(0, Math.max(slash, 1))),
    name: storePath(bytes.subarray(slash + 1)),
  };
}
