import { createHash } from 'node:crypto';
import { decodeLocation, encodeLocation, type Location } from '../domain/location.js';
import { AppError } from '../errors.js';

/** Longest file name that file systems take, bytes. */
const LONGEST_NAME = 255;
/** Names that look like the preview of one of several signals of another file. */
const SIGNAL_NAME = /_signal[0-9]+$/;

/** Where the sidecar of a file lies below paths.output: `{location}.json`. */
export function sidecarLocation(location: Location): Location {
  return outputLocation(location, '.json', false);
}

/**
 * Where the preview of a signal lies below paths.output: `{location}.thumb.png`, of several signals
 * `{location}_signal{N}.thumb.png`.
 * @param index Of the signal, from 0.
 */
export function previewLocation(location: Location, index: number, count: number): Location {
  return count === 1
    ? outputLocation(location, '.thumb.png', SIGNAL_NAME.test(location))
    : outputLocation(location, `_signal${index + 1}.thumb.png`, false);
}

/** The last part of a location. */
export function lastPart(location: Location): string {
  return location.slice(location.lastIndexOf('/') + 1);
}

/**
 * The bytes of a location below a folder.
 * @throws AppError INPUT_INVALID for a location that leads out of the folder.
 */
export function pathBelow(folder: string, location: Location): Buffer {
  const bytes = decodeLocation(location);
  const parts = bytes.toString('latin1').split('/');
  const leadsOut = parts.some((part) => part === '..' || part === '.' || part.includes('\0'));
  if (leadsOut || !location.startsWith('/')) {
    throw new AppError('INPUT_INVALID', `"${location}" is no place below a folder.`);
  }
  return Buffer.concat([Buffer.from(folder), bytes]);
}

/** Appends the suffix; a name that would be too long (or mistaken for another's) is cut and marked by 8 hex of its sha256. */
function outputLocation(location: Location, suffix: string, isMarked: boolean): Location {
  const slash = location.lastIndexOf('/');
  const name = decodeLocation(location.slice(slash + 1));
  if (name.length + suffix.length <= LONGEST_NAME && !isMarked) return location + suffix;
  const mark = `-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  let end = Math.min(name.length, LONGEST_NAME - suffix.length - mark.length);
  // Not in the middle of a UTF-8 sequence.
  while (end > 0 && ((name[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const folder = location.slice(0, slash + 1);
  return `${folder}${encodeLocation(name.subarray(0, end))}${mark}${suffix}`;
}
