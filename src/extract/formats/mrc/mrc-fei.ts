import type { FileSource } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { BinaryHeader, tidyFloat32, type HeaderField } from '../binary/binary-header.js';
import { serialDateTime } from '../binary/serial-date.js';
import { MRC_HEADER_BYTES, type MrcFile } from './mrc-header.js';

/**
 * Fields of FEI1 and FEI2 records, one a frame (Thermo Fisher Scientific, "MRC2014 file image format specification",
 * as the mrcfile package of CCP-EM names them). FEI2 goes on where FEI1 ends.
 */
const FIELDS: readonly HeaderField[] = [
  ['Metadata size', 'i4', 0],
  ['Metadata version', 'i4', 4],
  ['Timestamp', 'f8', 12],
  ['Microscope type', 'text', 20, 16],
  ['D-Number', 'text', 36, 16],
  ['Application', 'text', 52, 16],
  ['Application version', 'text', 68, 16],
  ['HT', 'f8', 84],
  ['Dose', 'f8', 92],
  ['Alpha tilt', 'f8', 100],
  ['Beta tilt', 'f8', 108],
  ['X-Stage', 'f8', 116],
  ['Y-Stage', 'f8', 124],
  ['Z-Stage', 'f8', 132],
  ['Tilt axis angle', 'f8', 140],
  ['Dual axis rotation', 'f8', 148],
  ['Pixel size X', 'f8', 156],
  ['Pixel size Y', 'f8', 164],
  ['Defocus', 'f8', 220],
  ['STEM Defocus', 'f8', 228],
  ['Applied defocus', 'f8', 236],
  ['Instrument mode', 'i4', 244],
  ['Projection mode', 'i4', 248],
  ['Objective lens mode', 'text', 252, 16],
  ['High magnification mode', 'text', 268, 16],
  ['Probe mode', 'i4', 284],
  ['EFTEM On', 'u1', 288],
  ['Magnification', 'f8', 289],
  ['Camera length', 'f8', 301],
  ['Spot index', 'i4', 309],
  ['Illuminated area', 'f8', 313],
  ['Intensity', 'f8', 321],
  ['Convergence angle', 'f8', 329],
  ['Illumination mode', 'text', 337, 16],
  ['Slit inserted', 'u1', 354],
  ['Slit width', 'f8', 355],
  ['Acceleration voltage offset', 'f8', 363],
  ['Drift tube voltage', 'f8', 371],
  ['Energy shift', 'f8', 379],
  ['Integration time', 'f8', 419],
  ['Binning Width', 'i4', 427],
  ['Binning Height', 'i4', 431],
  ['Camera name', 'text', 435, 16],
  ['Ceta frames summed', 'i4', 468],
  ['Direct detector electron counting', 'u1', 472],
  ['Phase Plate', 'u1', 518],
  ['STEM Detector name', 'text', 519, 16],
  ['Gain', 'f8', 535],
  ['Offset', 'f8', 543],
  ['Dwell time', 'f8', 571],
  ['Frame time', 'f8', 579],
  ['Full scan FOV X', 'f8', 603],
  ['Full scan FOV Y', 'f8', 611],
  ['Element', 'text', 619, 16],
  ['Is dose fraction', 'u1', 655],
  ['Fraction number', 'i4', 656],
  ['Start frame', 'i4', 660],
  ['End frame', 'i4', 664],
  ['Input stack filename', 'text', 668, 80],
  ['Alpha tilt min', 'f8', 752],
  ['Alpha tilt max', 'f8', 760],
  ['Scan rotation', 'f8', 768],
  ['Diffraction pattern rotation', 'f8', 776],
  ['Image rotation', 'f8', 784],
  ['Detector commercial name', 'text', 804, 16],
  ['Start tilt angle', 'f8', 820],
  ['End tilt angle', 'f8', 828],
  ['Tilt per image', 'f8', 836],
  ['Objective aperture name', 'text', 872, 16],
];
const FEI1_BYTES = 768;
const FEI2_BYTES = 888;

/** Fields of the records that older FEI programs wrote: 1024 of 128 bytes, in m and degrees. */
const OLD_FIELDS: readonly HeaderField[] = [
  ['a_tilt', 'f4', 0],
  ['b_tilt', 'f4', 4],
  ['x_stage', 'f4', 8],
  ['y_stage', 'f4', 12],
  ['z_stage', 'f4', 16],
  ['x_shift', 'f4', 20],
  ['y_shift', 'f4', 24],
  ['defocus', 'f4', 28],
  ['exp_time', 'f4', 32],
  ['mean_int', 'f4', 36],
  ['tilt_axis', 'f4', 40],
  ['pixel_size', 'f4', 44],
  ['magnification', 'f4', 48],
];
const OLD_RECORD_BYTES = 128;
const OLD_EXTENDED_BYTES = 1024 * OLD_RECORD_BYTES;

/** What the first record of an FEI header says. */
export interface MrcFeiHeader {
  readonly header: BinaryHeader;
  /** m or 1/m a pixel; null: not stated. */
  readonly pixelWidth: number | null;
  readonly pixelHeight: number | null;
  readonly time: FileTime | null;
  readonly isScanning: boolean;
  readonly isDiffraction: boolean;
  readonly addTo: (metadata: MetadataBuilder) => void;
}

/** Reads FEI's extended header; null: the file has none. */
export function readMrcFeiHeader(
  file: FileSource,
  mrc: MrcFile,
  timezone: string,
): MrcFeiHeader | null {
  const kind = mrc.header.text('exttyp');
  if (kind === 'FEI1' || kind === 'FEI2') {
    const length = Math.min(mrc.extendedBytes, kind === 'FEI1' ? FEI1_BYTES : FEI2_BYTES);
    const bytes = file.readUpTo(MRC_HEADER_BYTES, length);
    // Written little-endian, whatever the file.
    const header = new BinaryHeader(bytes, FIELDS);
    return bytes.length < FEI1_BYTES ? null : newHeader(header, timezone);
  }
  if (kind !== '' || mrc.extendedBytes !== OLD_EXTENDED_BYTES) return null;
  const bytes = file.readUpTo(MRC_HEADER_BYTES, OLD_RECORD_BYTES);
  return oldHeader(new BinaryHeader(bytes, OLD_FIELDS, mrc.littleEndian));
}

function newHeader(header: BinaryHeader, timezone: string): MrcFeiHeader {
  // What was never set is 0.
  const set = (name: string): number | null => {
    const value = header.number(name);
    return value !== 0 && Number.isFinite(value) ? Number(value.toPrecision(12)) : null;
  };
  const isScanning = header.number('Instrument mode') === 2;
  const isDiffraction = header.number('Projection mode') === 1 && !isScanning;
  const time = serialDateTime(header.number('Timestamp'), timezone);
  return {
    header,
    pixelWidth: set('Pixel size X'),
    pixelHeight: set('Pixel size Y'),
    time,
    isScanning,
    isDiffraction,
    addTo: (metadata) => {
      const type = header.text('Microscope type');
      metadata
        .text('Acquisition Time', time?.iso)
        .text('Microscope', [type, header.text('D-Number')].filter(Boolean).join(' '))
        .text(
          'Acquisition Software',
          `${header.text('Application')} ${header.text('Application version')}`,
        )
        .text('Detector Name', header.text('STEM Detector name'))
        .camera(header.text('Camera name'))
        .text('Illumination Mode', header.text('Illumination mode'))
        .number('Acceleration Voltage', set('HT'), 'V')
        .number('Stage Alpha', set('Alpha tilt'), '°')
        .number('Stage Beta', set('Beta tilt'), '°')
        .number('Stage X', set('X-Stage'), 'm')
        .number('Stage Y', set('Y-Stage'), 'm')
        .number('Stage Z', set('Z-Stage'), 'm')
        .number('Defocus', isScanning ? set('STEM Defocus') : set('Defocus'), 'm')
        .number('Magnification', set('Magnification'))
        .number('Camera Length', set('Camera length'), 'm')
        .number('Beam Spot Size', set('Spot index'))
        .number('Exposure Time', set('Integration time'), 's')
        .number('Binning X', set('Binning Width'))
        .number('Binning Y', set('Binning Height'))
        .number('Dwell Time', set('Dwell time'), 's')
        .number('Frame Time', set('Frame time'), 's')
        .number('Scan Rotation', set('Scan rotation'), '°');
      if (header.number('Slit inserted') === 1) {
        metadata.number('Slit Width', set('Slit width'), 'eV');
      }
    },
  };
}

function oldHeader(header: BinaryHeader): MrcFeiHeader {
  const amount = (name: string): number => tidyFloat32(header.number(name));
  const size = amount('pixel_size') > 0 ? amount('pixel_size') : null;
  // "In m, but above 1 in another unit": then they are µm.
  const length = (name: string): readonly [number, string] => [
    amount(name),
    Math.abs(amount(name)) > 1 ? 'µm' : 'm',
  ];
  return {
    header,
    pixelWidth: size,
    pixelHeight: size,
    time: null,
    isScanning: false,
    isDiffraction: false,
    addTo: (metadata) => {
      metadata
        .number('Stage Alpha', amount('a_tilt'), '°')
        .number('Stage Beta', amount('b_tilt'), '°')
        .number('Stage X', ...length('x_stage'))
        .number('Stage Y', ...length('y_stage'))
        .number('Stage Z', ...length('z_stage'))
        .number('Defocus', ...length('defocus'))
        .number('Exposure Time', amount('exp_time') > 0 ? amount('exp_time') : null, 's')
        .number('Magnification', amount('magnification') > 0 ? amount('magnification') : null);
    },
  };
}
