import { isAppError } from '../../../errors.js';
import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { FileSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import type { DmImage } from '../dm/dm-images.js';
import { dmKindOf } from '../dm/dm-kind.js';
import { dmMetadata } from '../dm/dm-metadata.js';
import { readDmTags } from '../dm/dm-tags.js';
import { dmAcquisitionTime } from '../dm/dm-time.js';
import type { DmGroup } from '../dm/dm-tree.js';
import { dmTagsAsJson } from '../dm/dm-values.js';
import { bufferSource } from '../tiff/byte-source.js';
import { arrayOf } from '../tiff/tiff-layout.js';
import {
  tagNumber,
  tagText,
  vendorAnswer,
  type TiffVendor,
  type TiffVendorInput,
} from './tiff-vendor.js';

/** First tag of three each, for x (columns), y (rows) and z (pages). Origins are in units, not in pixels. */
const UNIT_TAG = 65003;
const ORIGIN_TAG = 65006;
const SCALE_TAG = 65009;
const INTENSITY_UNIT_TAG = 65022;
/** Version, length and byte order, then a tag group: like the head of a file. */
const DM_TAGS_TAG = 65027;
const MAX_TAG_BYTES = 32 * 1024 * 1024;

/**
 * TIFF exported by Gatan DigitalMicrograph: calibration in tags 65003 to 65017 (x first, checked with a picture of two
 * different scales and with the DM3 of the same image), the image's own tags in 65027.
 */
export const digitalMicrographVendor: TiffVendor = {
  name: 'DigitalMicrograph',
  read(input) {
    const { directory, layout } = input;
    if (directory?.entries.has(SCALE_TAG) !== true || layout === null) return null;
    const columns = axisOf(input, 0);
    const rows = axisOf(input, 1);
    const pages = axisOf(input, 2);
    const tags = embeddedTags(input);
    const { shape } = arrayOf(layout, input.pages);
    const calibration = [...(input.pages > 1 ? [pages] : []), rows, columns];
    const image: DmImage | null =
      tags === null
        ? null
        : {
            name: null,
            tags,
            dimensions: shape.toReversed(),
            shape,
            calibration: calibration.length === shape.length ? calibration : [],
            intensityUnit: tagText(input, INTENSITY_UNIT_TAG) ?? '',
            format: null,
            pixels: null,
            littleEndian: true,
          };
    const kind = image === null ? null : dmKindOf(image);
    const metadata =
      image === null || kind === null ? new MetadataBuilder() : dmMetadata(image, kind);
    const acquired =
      tags === null ? null : dmAcquisitionTime(tags, input.file.mtimeMs, input.context);
    const warnings: string[] = [];
    if (acquired?.kind === 'unclear') warnings.push(acquired.reason);
    return vendorAnswer({
      metadata,
      // Spectra and spectrum images are not exported to this format as such.
      type: kind?.type === 'Diffraction' ? 'Diffraction' : 'Image',
      time: acquired?.kind === 'known' ? acquired.time : null,
      axes: { rows, columns },
      stack: [{ ...pages, length: null }],
      tags: tags === null ? {} : dmTagsAsJson(tags),
      warnings,
    });
  },
};

function axisOf(input: TiffVendorInput, axis: number): AxisCalibration {
  const scale = tagNumber(input, SCALE_TAG + axis) ?? 1;
  const origin = tagNumber(input, ORIGIN_TAG + axis) ?? 0;
  const unit = tagText(input, UNIT_TAG + axis) ?? '';
  // Adding 0 makes of -0, as the program writes it, a plain 0.
  return { scale: scale === 0 ? 1 : scale, origin: origin + 0, unit };
}

/** The tags of the image; null when there are none or they are damaged, which costs no more than them. */
function embeddedTags({ container, directory, file }: TiffVendorInput): DmGroup | null {
  const entry = directory?.entries.get(DM_TAGS_TAG);
  if (container === null || entry === undefined) return null;
  const source: FileSource = {
    ...bufferSource(container.bytesOf(entry, MAX_TAG_BYTES)),
    fileName: file.fileName,
    extension: file.extension,
    mtimeMs: file.mtimeMs,
    sibling: () => null,
  };
  try {
    return readDmTags(source).root;
  } catch (error) {
    if (isAppError(error) && error.code === 'FORMAT_INVALID') return null;
    throw error;
  }
}
