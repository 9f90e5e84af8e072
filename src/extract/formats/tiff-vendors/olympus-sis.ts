import { fileTimeOf } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import { fixedText } from '../tiff/fixed-text.js';
import { parseIniText } from '../tiff/ini-text.js';
import { textOf, type TiffContainer, type TiffDirectory } from '../tiff/tiff-directory.js';
import { axesOfMetres, tagText, vendorAnswer, type TiffVendor } from './tiff-vendor.js';

/** Holds the place of a structure that begins with `SIS0`. */
const SIS_TAG = 33560;
const INI_TAG = 33471;
const MODEL_TAG = 272;
const DATE_TIME_TAG = 306;
const ARTIST_TAG = 315;
const MAX_TEXT_BYTES = 1024 * 1024;
/** Kind of the part that holds scale and camera. */
const GENERAL_PART = 1;
const MAX_PARTS = 1000;

/** The part of the structure that is known. */
interface SisFacts {
  readonly x: number;
  readonly y: number;
  readonly magnification: number;
  readonly camera: string;
  readonly pictureType: string;
  readonly name: string;
  /** Local time; seconds are not stored. */
  readonly time: { year: number; month: number; day: number; hour: number; minute: number };
}

/**
 * Olympus (Soft Imaging Solutions) cameras: a binary structure whose place tag 33560 holds, on any page, or INI text in
 * tag 33471. There is no specification; layout as tifffile's reader of it (BSD) knows it, checked on a real file.
 */
export const olympusSisVendor: TiffVendor = {
  name: 'Olympus SIS',
  read(input) {
    const { container, directories } = input;
    if (container === null) return null;
    const facts = firstOf(directories, (directory) => sisFacts(container, directory));
    const ini = firstOf(directories, (directory) => {
      const entry = directory.entries.get(INI_TAG);
      return entry === undefined ? null : textOf(container, entry, MAX_TEXT_BYTES);
    });
    if (facts === null && ini === null) return null;
    const time =
      facts === null ? null : fileTimeOf({ ...facts.time, second: 0 }, input.context.timezone);
    const metadata = new MetadataBuilder()
      .number(
        'Magnification',
        facts !== null && facts.magnification > 0 ? facts.magnification : null,
      )
      .camera(facts?.camera)
      .text('Operator', tagText(input, ARTIST_TAG));
    if (!metadata.has('Acquisition Device')) {
      metadata.camera(tagText(input, MODEL_TAG));
    }
    return vendorAnswer({
      metadata,
      title: facts === null || facts.name === '' ? null : facts.name,
      // DateTime, where it is set, has seconds.
      time: input.directory?.entries.has(DATE_TIME_TAG) === true ? null : time,
      axes: axesOfMetres(facts?.x, facts?.y),
      tags: {
        ...(facts === null
          ? {}
          : {
              Name: facts.name,
              'Pixel Size X (m)': facts.x,
              'Pixel Size Y (m)': facts.y,
              Magnification: facts.magnification,
              Camera: facts.camera,
              'Picture Type': facts.pictureType,
            }),
        ...(ini === null
          ? {}
          : {
              INI: Object.fromEntries(
                [...parseIniText(ini).sections].map(([name, keys]) => [
                  name,
                  Object.fromEntries(keys),
                ]),
              ),
            }),
      },
    });
  },
};

function firstOf<T>(
  directories: readonly TiffDirectory[],
  read: (directory: TiffDirectory) => T | null,
): T | null {
  for (const directory of directories) {
    const found = read(directory);
    if (found !== null) return found;
  }
  return null;
}

/** The structure is always little-endian. */
function sisFacts(container: TiffContainer, directory: TiffDirectory): SisFacts | null {
  const entry = directory.entries.get(SIS_TAG);
  const at = entry === undefined ? undefined : container.numbersOf(entry, 1)[0];
  if (at === undefined || at + 60 > container.source.sizeBytes) return null;
  const head = container.source.read(at, 60);
  if (head.toString('latin1', 0, 4) !== 'SIS0') return null;
  const parts = Math.min(head.readUInt16LE(58), MAX_PARTS);
  const table = container.source.readUpTo(at + 60, parts * 8);
  for (let part = 0; part + 8 <= table.length; part += 8) {
    const offset = table.readUInt32LE(part + 4);
    if (table.readUInt16LE(part) !== GENERAL_PART) continue;
    if (offset + 112 > container.source.sizeBytes) continue;
    const bytes = container.source.read(offset, 112);
    const metres = 10 ** bytes.readInt16LE(10);
    return {
      x: bytes.readDoubleLE(12) * metres,
      y: bytes.readDoubleLE(20) * metres,
      magnification: bytes.readDoubleLE(36),
      camera: fixedText(bytes, 46, 34),
      pictureType: fixedText(bytes, 80, 32),
      name: fixedText(head, 26, 32),
      time: {
        minute: head.readInt16LE(10),
        hour: head.readInt16LE(12),
        day: head.readInt16LE(14),
        month: head.readInt16LE(16) + 1,
        year: head.readInt16LE(18) + 1900,
      },
    };
  }
  return null;
}
