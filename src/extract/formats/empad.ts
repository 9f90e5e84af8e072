import type { AxisCalibration } from '../../domain/file-metadata.js';
import { AppError } from '../../errors.js';
import type {
  ExtractContext,
  ExtractedFile,
  Extractor,
  FileSource,
  PreviewSource,
} from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { imageStack } from './binary/image-stack.js';
import { NUMERIC_TYPES, readNumbers } from './binary/numeric-type.js';
import { unixTime } from './binary/serial-date.js';
import { decodeText } from './tiff/tiff-directory.js';
import { elementAt, parseXml, xmlAsJson, xmlTextAt, type XmlElement } from './xml/xml-tree.js';

/** The detector has 128 x 128 pixels; a frame is stored with two rows more. */
const SIDE = 128;
const STORED_ROWS = 130;
const FRAME_BYTES = STORED_ROWS * SIDE * 4;
const CENTRE = SIDE / 2;
const MAX_XML_BYTES = 4 * 1024 * 1024;
const MAX_POSITIONS = 1 << 24;
/** Lengths of the sides of scans, for the names that the camera gives the data. */
const USUAL_SIDES = [4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** EMPAD (Cornell, Thermo Fisher): diffraction patterns of a scan or series, described by XML, in a .raw beside it. */
export const empadExtractor: Extractor = {
  id: 'empad',
  version: 3,
  extensions: ['.xml'],
  companions: [
    { main: '(.+)\\.xml', companions: USUAL_SIDES.map((side) => `scan_x${side}_y${side}.raw`) },
  ],

  sniff({ bytes }) {
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, 16_384));
    return /^\s*(?:<\?xml[^>]{0,200}>\s*)?<root[ >]/.test(text) && text.includes('<raw_file ');
  },

  extract(file, context): ExtractedFile {
    if (file.sizeBytes > MAX_XML_BYTES) {
      throw new AppError('LIMIT_EXCEEDED', `${file.fileName} is far larger than any description.`);
    }
    const xml = parseXml(decodeText(file.read(0, file.sizeBytes)), file.fileName);
    const rawName = elementAt(xml, 'raw_file')?.attributes['filename'] ?? '';
    const positions = positionsOf(xml);
    if (rawName === '' || positions === null) {
      throw new AppError('FORMAT_INVALID', `${file.fileName} does not say what was recorded.`);
    }
    return extractScan(file, context, xml, rawName, positions);
  },
};

/** The axes before the pattern's own, each with its length, slowest first. */
type Positions =
  | { readonly kind: 'series'; readonly count: number }
  | { readonly kind: 'scan'; readonly lines: number; readonly columns: number };

function extractScan(
  file: FileSource,
  { timezone, previews }: ExtractContext,
  xml: XmlElement,
  rawName: string,
  positions: Positions,
): ExtractedFile {
  const warnings: string[] = [];
  // The name comes from the file: only one in the same folder is looked at.
  const raw = /[/\\]/.test(rawName) ? null : file.sibling(rawName);
  const lengths =
    positions.kind === 'series' ? [positions.count] : [positions.lines, positions.columns];
  const frames = lengths.reduce((product, length) => product * length, 1);
  if (raw === null) warnings.push(`There is no ${rawName} beside the description.`);
  else if (raw.sizeBytes < frames * FRAME_BYTES) {
    const there = Math.floor(raw.sizeBytes / FRAME_BYTES);
    warnings.push(`${rawName} ends after ${there} of ${frames} patterns.`);
  }
  const stamp = elementAt(xml, 'timestamp')?.attributes['timestamp'] ?? '';
  const time = unixTime(numberIn(stamp) ?? 0, timezone);
  const pattern = patternAxis(xml);
  const axes = [...positionAxes(xml, positions), pattern, pattern];
  const kept = [...lengths, SIDE, SIDE].flatMap((length, index) => {
    const axis = axes[index];
    return length > 1 && axis !== undefined ? [{ length, axis }] : [];
  });
  const isThere = raw !== null && raw.sizeBytes >= FRAME_BYTES;
  return {
    format: 'EMPAD',
    signals: [
      {
        title: xml.attributes['name'] ?? null,
        type: 'Diffraction',
        role: 'Experimental',
        metadata: metadataOf(xml)
          .text('Acquisition Time', time?.iso)
          .text('Data Dimensions', kept.map(({ length }) => length).join(' × '))
          .build(),
        shape: kept.map(({ length }) => length),
        calibration: kept.map(({ axis }) => axis),
        dtype: 'float32',
        acquiredMs: time?.epochMs ?? null,
        previewOf:
          previews && isThere
            ? () => patternsOf(raw, positions.kind === 'series' ? positions.count : 1)
            : null,
      },
    ],
    warnings,
    tags: xmlAsJson(xml),
  };
}

/** The patterns of a series that are there; of a scan the first is shown. */
function patternsOf(raw: FileSource, count: number): PreviewSource {
  const there = Math.min(count, Math.floor(raw.sizeBytes / FRAME_BYTES));
  return imageStack(there, FRAME_BYTES, (frame) => ({
    kind: 'image',
    ...{ width: SIDE, height: SIDE, channels: 1, stretch: 'log', pixelSize: null },
    pixels: readNumbers(raw, {
      type: NUMERIC_TYPES.float32,
      offset: frame * FRAME_BYTES,
      count: SIDE * SIDE,
    }),
  }));
}

/** A series has a count; a scan its size, stated for the acquisition, which is the last of several settings. */
function positionsOf(xml: XmlElement): Positions | null {
  const settings = xml.children.filter(({ name }) => name === 'scan_parameters');
  const last =
    settings.find(({ attributes }) => attributes['mode'] === 'acquire') ?? settings.at(-1);
  const integer = (element: XmlElement | undefined, name: string): number | null => {
    const value = numberIn(xmlTextAt(element, name));
    return value !== null && Number.isInteger(value) && value > 0 ? value : null;
  };
  const count = integer(last, 'series_count');
  if (count !== null) return count <= MAX_POSITIONS ? { kind: 'series', count } : null;
  const columns = integer(xml, 'pix_x') ?? integer(last, 'scan_resolution_x');
  const lines = integer(xml, 'pix_y') ?? integer(last, 'scan_resolution_y');
  if (columns === null || lines === null || columns * lines > MAX_POSITIONS) return null;
  return { kind: 'scan', lines, columns };
}

/** The field of view in m is stated for the whole scan; a series counts frames of 1 ms. */
function positionAxes(xml: XmlElement, positions: Positions): AxisCalibration[] {
  if (positions.kind === 'series') return [{ scale: 1, origin: 0, unit: 'ms' }];
  const field = /^\[([^,\]]{1,40}),([^,\]]{1,40})\]$/.exec(
    xmlTextAt(xml, 'iom_measurements', 'optics.get_full_scan_field_of_view') ?? '',
  );
  const axis = (text: string | undefined, count: number): AxisCalibration => {
    const metres = numberIn(text?.trim() ?? null);
    return metres === null || metres <= 0
      ? { scale: 1, origin: 0, unit: '' }
      : { scale: (metres * 1e9) / count, origin: 0, unit: 'nm' };
  };
  return [axis(field?.[2], positions.lines), axis(field?.[1], positions.columns)];
}

/** Calibrated pixels of a pattern, zero in its centre. */
function patternAxis(xml: XmlElement): AxisCalibration {
  const size = numberIn(xmlTextAt(xml, 'iom_measurements', 'calibrated_pixelsize'));
  if (size === null || size <= 0) return { scale: 1, origin: -CENTRE, unit: '' };
  const scale = size * 1e9;
  return { scale, origin: -CENTRE * scale, unit: '1/nm' };
}

function metadataOf(xml: XmlElement): MetadataBuilder {
  const measured = elementAt(xml, 'iom_measurements');
  const first = (...names: readonly string[]): number | null => {
    for (const name of names) {
      const value = numberIn(xmlTextAt(measured, name));
      if (value !== null) return value;
    }
    return null;
  };
  return new MetadataBuilder()
    .text('Data Type', 'STEM_Diffraction')
    .camera('EMPAD')
    .text('Acquisition Software', xmlTextAt(xml, 'software_version'))
    .text('Title', xml.attributes['name'])
    .number('Acceleration Voltage', first('high_voltage', 'source.get_voltage'), 'V')
    .number('Camera Length', first('nominal_camera_length', 'optics.get_cameralength'), 'm')
    .number('Beam Spot Size', first('spot_size_index', 'beam.get_spotsizeindex'))
    .number('Scan Rotation', first('scan_rotation', 'column.get_scanrotation'), 'rad')
    .number('Exposure Time', numberIn(xmlTextAt(xml, 'exposure_time')), 'ms');
}

function numberIn(text: string | null): number | null {
  if (text === null || text === '' || text.length > 64) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
