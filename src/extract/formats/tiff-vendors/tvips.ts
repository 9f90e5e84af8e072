import { fileTimeOf, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import type { JsonValue } from '../../extractor.js';
import { fixedText } from '../tiff/fixed-text.js';
import { axesOf, vendorAnswer, type TiffVendor, type TiffVendorInput } from './tiff-vendor.js';

/** TVIPS header, versions 1 and 2. */
const HEADER_TAGS = [37708, 37707] as const;
/** The second version begins with all of the first. */
const FIRST_BYTES = 244;
const SECOND_BYTES = 6312;
const MAGIC = 0xaaaaaaaa;

/** Places in the header (bytes); 4-byte integers unless said. Layout: TemData structure of the EMMENU help file. */
const FIRST = {
  comment: 4,
  highTension: 84,
  magnification: 96,
  physicalPixelSize: 176,
  binning: 180,
  exposureTime: 196,
  date: 224,
  time: 228,
} as const;
/** Of version 2; text is UTF-16 of 160 bytes (1024 for the comment), numbers float32 but date, time and binning. */
const SECOND = {
  imageName: 244,
  imageFolder: 404,
  date: 584,
  time: 588,
  comment: 592,
  pixelSizeX: 2968,
  pixelSizeY: 2972,
  temType: 3112,
  highTension: 3272,
  magnification: 3536,
  postMagnification: 3544,
  stage: 3552,
  cameraType: 3768,
  physicalPixelSizeX: 3928,
  binningX: 3944,
  binningY: 3948,
  exposureTime: 3952,
  flatfield: 3964,
  magic: 6308,
} as const;

/** Reads the header in the byte order of the file. */
class TvipsHeader {
  readonly bytes: Buffer;
  readonly #little: boolean;

  constructor(bytes: Buffer, littleEndian: boolean) {
    this.bytes = bytes;
    this.#little = littleEndian;
  }

  integer(at: number): number {
    return this.#little ? this.bytes.readInt32LE(at) : this.bytes.readInt32BE(at);
  }

  unsigned(at: number): number {
    return this.integer(at) >>> 0;
  }

  /** With the seven digits that a float32 has. */
  real(at: number): number {
    return Number(
      (this.#little ? this.bytes.readFloatLE(at) : this.bytes.readFloatBE(at)).toPrecision(7),
    );
  }

  exactReal(at: number): number {
    return this.#little ? this.bytes.readFloatLE(at) : this.bytes.readFloatBE(at);
  }

  wideText(at: number, length: number): string {
    const text = this.bytes.toString('utf16le', at, at + length);
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  }
}

/** TVIPS cameras (EM-MENU): a binary header in tag 37707 or 37708. */
export const tvipsVendor: TiffVendor = {
  name: 'TVIPS EM-MENU',
  read(input) {
    const { container, directory } = input;
    const tag = HEADER_TAGS.find((one) => directory?.entries.has(one));
    const entry = tag === undefined ? undefined : directory?.entries.get(tag);
    if (container === null || entry === undefined) return null;
    const header = new TvipsHeader(container.bytesOf(entry, SECOND_BYTES), container.littleEndian);
    const isSecond = header.bytes.length >= SECOND_BYTES && header.unsigned(SECOND.magic) === MAGIC;
    if (header.bytes.length < FIRST_BYTES) return null;
    return isSecond ? readSecond(header, input) : readFirst(header, input.context.timezone);
  },
};

function readFirst(header: TvipsHeader, timezone: string): ReturnType<TiffVendor['read']> {
  // Of the numbers only date and time have a scale that all files agree on; the others go to the sidecar as they are.
  const time = timeOf(header.integer(FIRST.date), header.integer(FIRST.time), timezone);
  const metadata = new MetadataBuilder().text(
    'User Text',
    fixedText(header.bytes, FIRST.comment, 80),
  );
  const tags = Object.entries(FIRST)
    .filter(([name]) => name !== 'comment')
    .map(([name, at]): [string, JsonValue] => [name, header.integer(at)]);
  return vendorAnswer({
    metadata,
    time,
    tags: Object.fromEntries(tags),
  });
}

function readSecond(
  header: TvipsHeader,
  { context, layout }: TiffVendorInput,
): ReturnType<TiffVendor['read']> {
  const time = timeOf(header.integer(SECOND.date), header.integer(SECOND.time), context.timezone);
  const [x, y, z, alpha, beta] = [0, 1, 2, 3, 4].map((index) =>
    header.real(SECOND.stage + index * 4),
  );
  const set = (value: number): number | null => (value === 0 ? null : value);
  const name = header.wideText(SECOND.imageName, 160);
  const texts = {
    imageName: name,
    imageFolder: header.wideText(SECOND.imageFolder, 160),
    comment: header.wideText(SECOND.comment, 1024),
    temType: header.wideText(SECOND.temType, 160),
    cameraType: header.wideText(SECOND.cameraType, 160),
    flatfieldDescription: header.wideText(SECOND.flatfield, 160),
  };
  const numbers = {
    date: header.integer(SECOND.date),
    time: header.integer(SECOND.time),
    pixelSizeX: header.real(SECOND.pixelSizeX),
    pixelSizeY: header.real(SECOND.pixelSizeY),
    temHighTension: header.real(SECOND.highTension),
    temMagnification: header.real(SECOND.magnification),
    postMagnification: header.real(SECOND.postMagnification),
    stageX: x ?? 0,
    stageY: y ?? 0,
    stageZ: z ?? 0,
    stageAlpha: alpha ?? 0,
    stageBeta: beta ?? 0,
    physicalPixelSizeX: header.real(SECOND.physicalPixelSizeX),
    binningX: header.integer(SECOND.binningX),
    binningY: header.integer(SECOND.binningY),
    exposureTime: header.real(SECOND.exposureTime),
  };
  const metadata = new MetadataBuilder()
    .text('Title', name)
    .text('User Text', texts.comment)
    .camera(texts.cameraType)
    .text('Acquisition Software', 'TVIPS EM-MENU')
    .text('Data Type', 'TEM_Imaging')
    .number('Acceleration Voltage', set(numbers.temHighTension), 'V')
    .number('Magnification', set(numbers.temMagnification))
    .number('Exposure Time', set(numbers.exposureTime), 'ms')
    .number('Binning X', set(numbers.binningX))
    .number('Binning Y', set(numbers.binningY))
    .number('Stage X', x, 'm')
    .number('Stage Y', y, 'm')
    .number('Stage Z', z, 'm')
    .number('Stage Alpha', alpha, '°')
    .number('Stage Beta', beta, '°');
  return vendorAnswer({
    metadata,
    title: name === '' ? null : name,
    time,
    axes: axesOf(header.exactReal(SECOND.pixelSizeX), header.exactReal(SECOND.pixelSizeY), 'nm'),
    // The cameras give 16 bits. Of 8 bits are exports of what the screen shows, with EM-MENU's scale bar in the lower left
    // corner; the header does not say whether it was wanted.
    hasOwnScaleBar: layout?.dtype === 'uint8',
    tags: { ...texts, ...numbers },
  });
}

/** The date holds year, month and day in its two upper and its lower bytes; the time is seconds since midnight. */
function timeOf(date: number, seconds: number, timezone: string): FileTime | null {
  if (!(seconds >= 0 && seconds < 86_400)) return null;
  return fileTimeOf(
    {
      year: date >>> 16,
      month: (date >>> 8) & 0xff,
      day: date & 0xff,
      hour: Math.floor(seconds / 3600),
      minute: Math.floor(seconds / 60) % 60,
      second: seconds % 60,
    },
    timezone,
  );
}
