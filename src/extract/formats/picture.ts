import type { ExtractedFile, ExtractedSignal, Extractor, FileSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { decodeBmp } from './picture/decode-bmp.js';
import { pictureKindOf, readPictureHeader, type PictureHeader } from './picture/picture-header.js';
import { readExif } from './picture/read-exif.js';

/** A picture is handed to a decoder whole up to this size and this many pixels. */
const MAX_ENCODED_BYTES = 128 * 1024 * 1024;
const MAX_PIXELS = 256 * 1024 * 1024;
const MAX_EXIF_BYTES = 1024 * 1024;

/** Common pictures: PNG, JPEG, GIF, BMP, WebP. */
export const pictureExtractor: Extractor = {
  id: 'picture',
  version: 2,
  extensions: ['.png', '.jpg', '.jpeg', '.gif', '.bmp', '.webp'],
  promisedFormat: 'a picture',

  sniff: ({ bytes }) => pictureKindOf(bytes) !== null,

  extract(file, context): ExtractedFile {
    const header = readPictureHeader(file);
    const exif =
      header.exif === null
        ? null
        : readExif(
            file.readUpTo(header.exif.offset, Math.min(header.exif.length, MAX_EXIF_BYTES)),
            context.timezone,
          );
    const warnings: string[] = [];
    if (header.exif !== null && exif === null) warnings.push('The EXIF data are damaged.');
    const acquired = exif?.acquired ?? null;
    if (acquired !== null && acquired.warning !== null) warnings.push(acquired.warning);
    const previewOf = previewFor(file, header, warnings);
    return {
      format: `${header.kind} picture`,
      signals: [
        {
          title: null,
          type: 'Image',
          role: 'Experimental',
          metadata: new MetadataBuilder()
            .text('Acquisition Time', acquired?.iso)
            .text('Acquisition Software', exif?.software)
            .build(),
          shape: [header.height, header.width, ...(header.channels === 2 ? [2] : [])],
          calibration: [],
          dtype: dtypeOf(header),
          acquiredMs: acquired?.epochMs ?? null,
          previewOf,
        },
      ],
      warnings,
      tags: { Header: header.facts, ...(exif === null ? {} : { EXIF: exif.tags }) },
    };
  },
};

/** As for other files: colours count as one value a pixel. */
function dtypeOf({ channels, bits }: PictureHeader): string {
  return channels < 3 ? `uint${bits}` : `${channels === 4 ? 'rgba' : 'rgb'}${bits}`;
}

function previewFor(
  file: FileSource,
  { kind, width, height }: PictureHeader,
  warnings: string[],
): ExtractedSignal['previewOf'] {
  if (width * height > MAX_PIXELS || file.sizeBytes > MAX_ENCODED_BYTES) {
    warnings.push(`No preview: the picture is too large to decode (${width} x ${height} pixels).`);
    return null;
  }
  if (kind === 'BMP') return () => decodeBmp(file);
  return () => ({ kind: 'encoded', bytes: file.read(0, file.sizeBytes) });
}
