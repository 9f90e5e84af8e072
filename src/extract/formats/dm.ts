import { AppError } from '../../errors.js';
import type {
  ExtractContext,
  ExtractedFile,
  ExtractedSignal,
  Extractor,
  FileSource,
} from '../extractor.js';
import { dmImages, type DmImage } from './dm/dm-images.js';
import { dmKindOf } from './dm/dm-kind.js';
import { dmMetadata } from './dm/dm-metadata.js';
import { dmPreviewOf } from './dm/dm-preview.js';
import { readDmTags } from './dm/dm-tags.js';
import { dmAcquisitionTime } from './dm/dm-time.js';
import { dmTagsAsJson } from './dm/dm-values.js';

/** DigitalMicrograph 3 and 4 (Gatan): pictures, diffraction patterns, spectra, spectrum images, stacks. */
export const dmExtractor: Extractor = {
  id: 'dm',
  version: 3,
  extensions: ['.dm3', '.dm4'],
  promisedFormat: 'a DigitalMicrograph file',

  sniff({ bytes }) {
    if (bytes.length < 16) return false;
    const version = bytes.readUInt32BE(0);
    if (version !== 3 && version !== 4) return false;
    // Version, length of the file, byte order; DM4 has a length of 64 bits.
    const order = bytes.readUInt32BE(version === 3 ? 8 : 12);
    return order === 0 || order === 1;
  },

  extract(file, context): ExtractedFile {
    const tree = readDmTags(file);
    const { images, warnings } = dmImages(tree);
    if (images.length === 0) {
      throw new AppError('FORMAT_INVALID', `${file.fileName} holds no image but thumbnails.`, {
        details: { images: 0, warnings },
      });
    }
    const sentences = new Set(warnings);
    const signals = images.map((image) =>
      signalOf(file, context, image, (sentence) => sentences.add(sentence)),
    );
    return {
      format: `DigitalMicrograph ${tree.version}`,
      signals,
      warnings: [...sentences],
      tags: dmTagsAsJson(tree.root),
    };
  },
};

function signalOf(
  file: FileSource,
  context: ExtractContext,
  image: DmImage,
  warn: (sentence: string) => void,
): ExtractedSignal {
  const kind = dmKindOf(image);
  const metadata = dmMetadata(image, kind);
  const acquired = dmAcquisitionTime(image.tags, file.mtimeMs, context);
  if (acquired.kind === 'unclear') warn(acquired.reason);
  if (acquired.kind === 'known') {
    metadata.text('Acquisition Time', acquired.time.iso);
    if (acquired.time.warning !== null) warn(acquired.time.warning);
  }
  const previewOf = context.previews ? dmPreviewOf(file, image, kind) : null;
  if (context.previews && previewOf === null && image.pixels !== null) {
    warn(
      `The pixels of ${image.name ?? 'an image'} cannot be shown: they are packed in an unusual way.`,
    );
  }
  return {
    title: image.name,
    type: kind.type,
    role: kind.role,
    metadata: metadata.build(),
    shape: image.shape,
    calibration: image.calibration,
    dtype: image.format?.dtype ?? null,
    acquiredMs: acquired.kind === 'known' ? acquired.time.epochMs : null,
    previewOf,
  };
}
