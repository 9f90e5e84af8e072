import { isAppError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';
import { parseXml, xmlTextAt, elementAt, type XmlElement } from '../xml/xml-tree.js';

/** One object of a TIA document: a recorded image or spectrum, with the state of the microscope. */
export interface EmiObject {
  readonly xml: XmlElement;
  readonly kind: 'spectra' | 'images' | 'unknown';
  /** Time of acquisition as the PC's clock showed it, counted as if it were UTC; null: not stated. Milliseconds. */
  readonly wallMs: number | null;
}

/** A value of the microscope as TIA lists them: label, text, unit (empty: none). */
export interface EmiValue {
  readonly label: string;
  readonly value: string;
  readonly unit: string;
}

const START = '<ObjectInfo>';
const END = '</ObjectInfo>';
const CHUNK_BYTES = 1024 * 1024;
/** A document holds the pixels of its images as well; more is not searched. */
const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;
const MAX_OBJECT_BYTES = 4 * 1024 * 1024;
const MAX_OBJECTS = 256;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const QUARTER_HOUR_MS = 900_000;

/**
 * Finds the XML texts in a TIA document (.emi): the rest of it is binary and not documented. What is not well-formed is
 * passed over with a sentence to `warn`.
 */
export function readEmiObjects(file: FileSource, warn: (sentence: string) => void): EmiObject[] {
  const objects: EmiObject[] = [];
  const end = Math.min(file.sizeBytes, MAX_SEARCHED_BYTES);
  let chunk = file.readUpTo(0, CHUNK_BYTES);
  let chunkStart = 0;
  let at = 0;
  while (at < end && objects.length < MAX_OBJECTS) {
    const start = chunk.indexOf(START, at - chunkStart, 'latin1');
    if (start < 0) {
      // The mark may lie across two chunks.
      at = Math.max(at + 1, chunkStart + chunk.length - START.length + 1);
    } else {
      const stop = chunk.indexOf(END, start, 'latin1');
      const text =
        stop < 0 ? longObject(file, chunkStart + start) : chunk.subarray(start, stop + END.length);
      if (text === null) break;
      const object = objectOf(text, file.fileName, warn);
      if (object !== null) objects.push(object);
      at = chunkStart + start + text.length;
      if (stop >= 0) continue;
    }
    chunk = file.readUpTo(at, CHUNK_BYTES);
    chunkStart = at;
  }
  return objects;
}

/** An object that does not end within the chunk; null: it does not end where a real one would. */
function longObject(file: FileSource, start: number): Buffer | null {
  const bytes = file.readUpTo(start, MAX_OBJECT_BYTES);
  const end = bytes.indexOf(END, 0, 'latin1');
  return end < 0 ? null : bytes.subarray(0, end + END.length);
}

function objectOf(text: Buffer, name: string, warn: (sentence: string) => void): EmiObject | null {
  try {
    const xml = parseXml(text.toString('utf8'), `An object of ${name}`);
    const range = elementAt(xml, 'DetectorRange');
    const isImages = elementAt(range, 'StartX') !== undefined;
    const isSpectra = elementAt(range, 'Start') !== undefined;
    return {
      xml,
      kind: isImages ? 'images' : isSpectra ? 'spectra' : 'unknown',
      wallMs: wallClock(xmlTextAt(xml, 'AcquireDate')),
    };
  } catch (error) {
    if (!isAppError(error) || error.code !== 'FORMAT_INVALID') throw error;
    warn(error.message);
    return null;
  }
}

/** `Mon Feb 22 18:50:01 2016`, as if it were UTC. */
function wallClock(text: string | null): number | null {
  const match = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})$/.exec(
    text ?? '',
  );
  const month = MONTHS.indexOf(match?.[1] ?? '');
  if (match === null || month < 0) return null;
  const [day = 0, hour = 0, minute = 0, second = 0, year = 0] = match.slice(2).map(Number);
  return Date.UTC(year, month, day, hour, minute, second);
}

/**
 * The object that describes a series. A document also holds objects that were never written as a series (the survey
 * image of a scan), so the number of the file does not tell: it must be of the same kind, and of those the one closest
 * in time counts. Clocks in the document are local, those in the series UTC, zones being whole quarters of an hour
 * apart. At equal distance the number decides.
 * @param index 0 for name_1.ser.
 * @param timeMs When the series was recorded; null: not known.
 */
export function emiObjectFor(
  objects: readonly EmiObject[],
  index: number,
  kind: 'spectra' | 'images',
  timeMs: number | null,
): EmiObject | null {
  const candidates = objects.flatMap((object, place) =>
    object.kind === kind
      ? [{ object, place, distanceMs: clockDistance(object.wallMs, timeMs) }]
      : [],
  );
  candidates.sort(
    (a, b) => a.distanceMs - b.distanceMs || Math.abs(a.place - index) - Math.abs(b.place - index),
  );
  const numbered = objects[index];
  return candidates[0]?.object ?? (numbered?.kind === 'unknown' ? numbered : null);
}

function clockDistance(wallMs: number | null, timeMs: number | null): number {
  if (wallMs === null || timeMs === null) return QUARTER_HOUR_MS;
  const apart = Math.abs(wallMs - timeMs) % QUARTER_HOUR_MS;
  return Math.min(apart, QUARTER_HOUR_MS - apart);
}

/** The list of microscope values of an object. */
export function emiValues({ xml }: EmiObject): EmiValue[] {
  const root = elementAt(xml, 'ExperimentalDescription', 'Root');
  return (root?.children ?? []).flatMap((entry) => {
    const label = xmlTextAt(entry, 'Label');
    if (entry.name !== 'Data' || label === null) return [];
    return [
      { label, value: xmlTextAt(entry, 'Value') ?? '', unit: xmlTextAt(entry, 'Unit') ?? '' },
    ];
  });
}
