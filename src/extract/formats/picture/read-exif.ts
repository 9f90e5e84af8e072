import { isAppError } from '../../../errors.js';
import type { JsonValue } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import { bufferSource } from '../tiff/byte-source.js';
import { TiffContainer, textOf, type TiffDirectory } from '../tiff/tiff-directory.js';
import { parseExifTime, tagsOf } from '../tiff/tiff-tags.js';

/** What EXIF data say. */
export interface ExifFacts {
  /** DateTimeOriginal, else DateTime, in the instrument's zone. */
  readonly acquired: FileTime | null;
  readonly software: string | null;
  readonly tags: JsonValue;
}

const TAG_SOFTWARE = 305;
const TAG_DATE_TIME = 306;
const TAG_EXIF_DIRECTORY = 34665;
const TAG_DATE_TIME_ORIGINAL = 36867;

/** Reads EXIF data (a TIFF structure); null when they are damaged, which costs no more than these facts. */
export function readExif(bytes: Buffer, timezone: string): ExifFacts | null {
  const hasMark = bytes.toString('latin1', 0, 6) === 'Exif\0\0';
  try {
    const container = new TiffContainer(bufferSource(hasMark ? bytes.subarray(6) : bytes));
    const main = firstOf(container.directories(() => undefined));
    if (main === null) return null;
    const link = main.entries.get(TAG_EXIF_DIRECTORY);
    const at = link === undefined ? undefined : container.numbersOf(link, 1)[0];
    const exif = at === undefined ? null : container.directoryOr(at, null);
    const text = (directory: TiffDirectory | null, tag: number): string | null => {
      const entry = directory?.entries.get(tag);
      return entry?.type === 2 ? textOf(container, entry, 1024) : null;
    };
    const original = text(exif, TAG_DATE_TIME_ORIGINAL) ?? text(main, TAG_DATE_TIME);
    return {
      acquired: original === null ? null : parseExifTime(original, timezone),
      software: text(main, TAG_SOFTWARE),
      tags: {
        Main: tagsOf(container, main),
        ...(exif === null ? {} : { Exif: tagsOf(container, exif) }),
      },
    };
  } catch (error) {
    if (isAppError(error) && error.code === 'FORMAT_INVALID') return null;
    throw error;
  }
}

function firstOf<T>(values: Iterable<T>): T | null {
  for (const value of values) return value;
  return null;
}
