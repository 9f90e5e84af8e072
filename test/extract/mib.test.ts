import { describe, expect, test } from '@jest/globals';
import { mibExtractor } from '../../src/extract/formats/mib.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { mibBytes, mibSettings } from '../support/mib-bytes.js';
import { metadataText, previewSum } from '../support/sample-file.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/London', previews: true };
const frame = (first: number): Buffer =>
  Buffer.from(Uint16Array.from({ length: 12 }, (_, index) => first + index).buffer).swap16();
const SIZE = { width: 4, height: 3 };

async function read(bytes: Buffer, settings?: Readonly<Record<string, string>>) {
  const beside = settings === undefined ? {} : { 'a.hdr': mibSettings(settings) };
  return await mibExtractor.extract(fileWithSiblings('a.mib', bytes, beside), CONTEXT);
}

// No real file may be packaged: these are written from the layout of the Merlin user manual.
describe('a Merlin file', () => {
  const six = mibBytes({ ...SIZE, kind: 'U16', frames: [1, 2, 3, 4, 5, 6].map(frame) });

  test('has its frames, its type, and shows the first', async () => {
    expect(mibExtractor.sniff(sniffableFile('a.mib', six).head)).toBe(true);
    const { signals } = await read(six);
    expect(signals).toMatchObject([{ type: 'Image', shape: [6, 3, 4], dtype: 'uint16' }]);
    expect(previewSum(signals[0])).toBe(12 + 66);
  });

  test('of a scan has lines and positions where its settings say how many frames a line has', async () => {
    const { signals } = await read(six, { 'Frames per Trigger (Number)': '3' });
    expect(signals).toMatchObject([{ type: 'Diffraction', shape: [2, 3, 3, 4] }]);
    const odd = await read(six, { 'Frames per Trigger (Number)': '4' });
    expect(odd.signals[0]?.shape).toEqual([6, 3, 4]);
  });

  test('has exposure, threshold, detector and the time of the wall clock', async () => {
    const found = await read(six, { 'Chip ID': 'W529_F5,-,-,-' });
    expect(metadataText(found)).toEqual({
      'Acquisition Device': 'Merlin, 1 chip 1x1',
      'Acquisition Time': '2021-03-18T14:01:30.250+00:00',
      'Data Dimensions': '6 × 3 × 4',
      'Detector Name': 'W529_F5,-,-,-',
      'Exposure Time': '0.005 s',
      'Frame Count': '6',
      'Threshold Energy': '40 keV',
    });
    expect(found.tags).toMatchObject({ hdr: { 'Chip ID': 'W529_F5,-,-,-' } });
  });

  test('with the extended header has a time in UTC', async () => {
    const stampUtc = '2021-07-18T13:01:30.250123456Z';
    const bytes = mibBytes({ ...SIZE, kind: 'U16', frames: [frame(1)], stampUtc });
    const { signals } = await read(bytes);
    expect(signals[0]?.shape).toEqual([3, 4]);
    expect(signals[0]?.acquiredMs).toBe(Date.parse('2021-07-18T13:01:30.250Z'));
  });

  test.each([
    ['U08', 'uint8', 12],
    ['U32', 'uint32', 48],
  ])('of kind %s holds %s', async (kind, dtype, bytes) => {
    const found = await read(mibBytes({ ...SIZE, kind, frames: [Buffer.alloc(bytes, 1)] }));
    expect(found.signals).toMatchObject([{ shape: [3, 4], dtype }]);
  });

  test('in raw mode counts its frames by the settings, and shows none', async () => {
    const frames = [Buffer.alloc(12), Buffer.alloc(12)];
    const bytes = mibBytes({ ...SIZE, kind: 'R64', frames });
    const { signals, warnings } = await read(bytes, { 'Counter Depth (number)': '6' });
    expect(signals[0]).toMatchObject({ shape: [2, 3, 4], dtype: null, previewOf: null });
    expect(warnings).toEqual(['The pixels are raw (R64) and cannot be shown.']);
  });

  test('that was cut within its last frame counts the whole ones', async () => {
    const { signals } = await read(six.subarray(0, six.length - 5));
    expect(signals[0]?.shape).toEqual([5, 3, 4]);
  });

  test.each([
    ['a header of no length', '00384', '00000'],
    ['no width', '0004', '0000'],
    ['another kind of pixels', 'U16', 'X99'],
  ])('with %s is not one', (_, from, to) => {
    const bytes = Buffer.from(six.toString('latin1').replace(from, to), 'latin1');
    expect(mibExtractor.sniff(sniffableFile('a.mib', bytes).head)).toBe(false);
  });
});
