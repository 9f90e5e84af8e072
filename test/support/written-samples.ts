import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { writeMsa } from '../../src/demo/write-msa.js';
import { buildDicom, dicomElements, greyElements } from './build-dicom.js';
import { buildHdf5, setAttributes } from './build-hdf5.js';
import { buildTiff, greyTags, type TiffTag } from './build-tiff.js';
import { dmArray, dmBytes, dmFloat64, dmImage, dmText } from './dm-bytes.js';
import { edaxImageBytes, edaxMapBytes, edaxSpectrumBytes } from './edax-bytes.js';
import { utc } from './lab.js';
import { mibBytes } from './mib-bytes.js';
import { feiRecord, mrcBytes } from './mrc-bytes.js';

/** A file of our own making, with the files beside it. */
export interface WrittenSample {
  readonly name: string;
  readonly bytes: Buffer;
  readonly beside: Readonly<Record<string, Buffer>>;
}

/** Width and height of pictures that are small in the file and enormous without compression. */
const HUGE = 20_000;
const DEEP = 50_000;

let hugeZeros: Buffer | null = null;

/** As many zeros as such a picture has pixels, compressed (zlib). Made once: it takes a while. */
function compressedZeros(): Buffer {
  hugeZeros ??= deflateSync(Buffer.alloc((HUGE + 1) * HUGE), { level: 1 });
  return hugeZeros;
}

function grey(count: number): Buffer {
  return Buffer.from(Uint16Array.from({ length: count }, (_, index) => index * 7).buffer);
}

function pngChunk(kind: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG of 20000 x 20000 grey pixels in less than half a megabyte. */
function hugePng(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(HUGE, 0);
  header.writeUInt32BE(HUGE, 4);
  header.writeUInt8(8, 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', compressedZeros()),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function compressedTiff(size: number, method: number, strip: Buffer): Buffer {
  const tags = greyTags(size, size, 8).map((tag): TiffTag => {
    return tag[0] === 259 ? [259, 'short', [method]] : tag;
  });
  return buildTiff([{ tags, strip }]);
}

/** Groups within groups, as deep as a reader that calls itself for each cannot go. */
function deepFiles(): readonly WrittenSample[] {
  const times = (text: string | Buffer): Buffer =>
    Buffer.concat(Array.from({ length: DEEP }, () => Buffer.from(text)));
  const sequence = Buffer.from('08004011fffffffffeff00e0ffffffff', 'hex');
  const group = Buffer.from([1, 0, 0, 0, 0, 1, 20, 0, 0]);
  const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1]);
  header.writeUInt32BE(DEEP * group.length, 4);
  const tags: TiffTag[] = [
    ...greyTags(4, 4, 8),
    [270, 'ascii', `<OME>${times('<a>').toString()}\0`],
  ];
  return [
    plain('deep.spx', Buffer.from(`<?xml version="1.0"?><TRTSpectrum>${times('<a>').toString()}`)),
    plain('deep.tif', buildTiff([{ tags, strip: Buffer.alloc(16) }])),
    plain('deep.dm3', Buffer.concat([header, times(group)])),
    plain('deep.dcm', Buffer.concat([buildDicom([], '1.2.840.10008.1.2'), times(sequence)])),
    plain('deep.xml', Buffer.from(`<?xml version="1.0"?><root>${times('<a>').toString()}`)),
  ];
}

function plain(name: string, bytes: Buffer): WrittenSample {
  return { name, bytes, beside: {} };
}

async function pictures(): Promise<readonly WrittenSample[]> {
  const picture = sharp(grey(32 * 24 * 3).subarray(0, 32 * 24 * 3), {
    raw: { width: 32, height: 24, channels: 3 },
  });
  const exif = { IFD0: { Make: 'Maker', Model: 'Camera' } };
  return [
    plain('small.png', await picture.clone().withExif(exif).png().toBuffer()),
    plain('small.jpg', await picture.clone().withExif(exif).jpeg().toBuffer()),
    plain('small.gif', await picture.clone().gif().toBuffer()),
    plain('small.webp', await picture.clone().webp().toBuffer()),
    plain('lzw.tif', await picture.clone().tiff({ compression: 'lzw' }).toBuffer()),
    plain('jpeg.tif', await picture.clone().tiff({ compression: 'jpeg' }).toBuffer()),
    plain(
      'tiles.tif',
      await picture.clone().tiff({ compression: 'deflate', tile: true }).toBuffer(),
    ),
    plain('huge.png', hugePng()),
  ];
}

async function hdf5Files(): Promise<readonly WrittenSample[]> {
  const nested = await buildHdf5((file) => {
    let group = file.create_group('data');
    setAttributes(group, { emd_group_type: 1, title: 'nested' });
    for (let depth = 0; depth < 40; depth += 1) {
      group = group.create_group(`g${depth}`);
      setAttributes(group, { depth, names: ['a', 'b'] });
    }
    group.create_dataset({ name: 'data', data: new Uint16Array(64), shape: [8, 8] });
  });
  const gzip = await buildHdf5((file) => {
    const data = new Uint8Array(1024 * 1024);
    file.create_dataset({
      ...{ name: 'image', data, shape: [1024, 1024], chunks: [512, 512] },
      compression: 'gzip',
      compression_opts: [6],
    });
  });
  const velox = await buildHdf5((file) => {
    const image = file.create_group('Data').create_group('Image').create_group('0123456789abcdef');
    image.create_dataset({ name: 'Data', data: new Uint16Array(16), shape: [4, 4, 1] });
    const text = `{"Core":${'['.repeat(DEEP)}1${']'.repeat(DEEP)}}`;
    const data = Uint8Array.from(Buffer.from(text));
    image.create_dataset({ name: 'Metadata', data, shape: [data.length, 1], dtype: '<B' });
  });
  return [plain('nested.emd', nested), plain('gzip.h5', gzip), plain('deep.emd', velox)];
}

/** Small files of every format, the ones that no sample has above all, and bombs. */
export async function writtenSamples(): Promise<readonly WrittenSample[]> {
  const words = grey(24);
  const spectrum = edaxSpectrumBytes({ counts: [1, 2, 3, 4], elements: [26, 28] });
  const map = edaxMapBytes({ lines: 3, points: 4, channels: 16 }, 2, (line) => line);
  const dmTags = {
    ImageList: [dmImage(10, [4, 6], dmArray(4, 2, words), { Name: dmText('small') })],
    'Microscope Info': { Voltage: dmFloat64(200_000) },
  };
  const msa = writeMsa({
    ...{ title: 'a', owner: 'b', acquired: utc('2026-03-01T09:00:00Z'), signalType: 'EDS' },
    ...{ offset: 0, channelWidth: 10, xUnit: 'eV', yUnit: 'counts', values: [1, 2, 3] },
    fields: { BEAMKV: 200 },
  });
  return [
    {
      name: 'map.spd',
      bytes: map,
      beside: { 'map.spc': spectrum, 'map_Img.ipr': edaxImageBytes(1, 1) },
    },
    plain('a.spc', spectrum),
    {
      ...{ name: 'a.mrc', beside: { 'a_info.txt': Buffer.from('Frames Per Second = 40\n') } },
      bytes: mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, cell: [4, 3, 2] }),
    },
    plain(
      'fei.mrc',
      mrcBytes({
        ...{ size: [4, 3, 2], mode: 1, pixels: words, extendedType: 'FEI2' },
        extended: Buffer.concat([feiRecord(1e-9, 2), feiRecord(1e-9, 2)]),
      }),
    ),
    {
      ...{
        name: 'a.mib',
        beside: { 'a.hdr': Buffer.from('HDR,\nFrames per Trigger (Number):\t2\nEnd') },
      },
      bytes: mibBytes({ width: 4, height: 3, kind: 'U16', frames: [words.subarray(0, 24)] }),
    },
    plain('small.dm3', dmBytes(3, dmTags)),
    plain('small.dm4', dmBytes(4, dmTags)),
    plain('small.msa', Buffer.from(msa)),
    plain('small.dcm', buildDicom(greyElements(4, 6, Array.from(words)))),
    plain(
      'deflated.dcm',
      Buffer.concat([
        buildDicom([], '1.2.840.10008.1.2.1.99'),
        deflateRawSync(dicomElements(greyElements(4, 6, Array.from(words)))),
      ]),
    ),
    plain(
      'bomb.dcm',
      Buffer.concat([
        buildDicom([], '1.2.840.10008.1.2.1.99'),
        // Without the header and the sum of zlib.
        compressedZeros().subarray(2, -4),
      ]),
    ),
    plain('strip.tif', compressedTiff(64, 8, deflateSync(Buffer.alloc(64 * 64)))),
    plain('bomb.tif', compressedTiff(HUGE, 8, compressedZeros())),
    plain('large.tif', compressedTiff(19_000, 8, compressedZeros())),
    plain('claims.tif', compressedTiff(64, 8, compressedZeros())),
    plain('text.txt', Buffer.from('A line of text.\nAnother one, with numbers: 1, 2, 3.\n')),
    ...deepFiles(),
    ...(await pictures()),
    ...(await hdf5Files()),
  ];
}
