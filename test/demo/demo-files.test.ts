import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { DEMO_CONTENT_KINDS, writeDemoContent } from '../../src/demo/demo-contents.js';
import { writeDm3 } from '../../src/demo/write-dm3.js';
import { writeMsa } from '../../src/demo/write-msa.js';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { MemoryFile } from '../support/memory-file.js';

const acquired = DateTime.fromISO('2026-03-04T15:06:00', {
  zone: 'America/New_York',
}) as DateTime<true>;

/** What the first reader that knows the file gives. */
async function read(fileName: string, bytes: Buffer) {
  const file = new MemoryFile(fileName, bytes);
  const extractor = EXTRACTORS.find((each) =>
    each.sniff({
      bytes: bytes.subarray(0, 65_536),
      fileName,
      extension: file.extension,
      sizeBytes: bytes.length,
    }),
  );
  if (extractor === undefined) throw new Error('no reader');
  const found = await extractor.extract(file, { timezone: 'America/New_York', previews: true });
  return { id: extractor.id, ...found };
}

describe('the files of the demo', () => {
  test('DM3 pictures are read as DigitalMicrograph files', async () => {
    const { id, signals } = await read(
      'a.dm3',
      writeDm3({
        name: 'particles',
        axes: [
          { length: 4, scale: 0.5, origin: 0, unit: 'nm' },
          { length: 2, scale: 0.5, origin: 0, unit: 'nm' },
        ],
        pixels: new Uint16Array(8),
        intensityUnit: '',
        acquired,
        tags: { 'Microscope Info': { Voltage: 200_000, 'Illumination Mode': 'TEM' } },
      }),
    );
    expect(id).toBe('dm');
    expect(signals).toEqual([
      expect.objectContaining({
        type: 'Image',
        shape: [2, 4],
        dtype: 'uint16',
        acquiredMs: acquired.toMillis(),
      }),
    ]);
  });

  test('DM3 files hold several signals', async () => {
    const picture = {
      name: 'survey',
      axes: [
        { length: 2, scale: 0.5, origin: 0, unit: 'nm' },
        { length: 2, scale: 0.5, origin: 0, unit: 'nm' },
      ],
      pixels: new Uint16Array(4),
      intensityUnit: '',
      acquired,
      tags: {},
    };
    const spectrum = {
      ...picture,
      name: 'spectrum',
      axes: [{ length: 5, scale: 0.5, origin: 200, unit: 'eV' }],
      pixels: new Float32Array(5),
    };
    const { signals } = await read('a.dm3', writeDm3(picture, spectrum));
    expect(signals).toEqual([
      expect.objectContaining({ title: 'survey', type: 'Image', shape: [2, 2] }),
      expect.objectContaining({ title: 'spectrum', type: 'Spectrum', shape: [5] }),
    ]);
  });

  test.each([...DEMO_CONTENT_KINDS])(
    'the same facts give the same bytes, other facts others: %s',
    (kind) => {
      const facts = { kind, seed: 3, acquired, user: 'ann' };
      const content = writeDemoContent(facts);
      expect(writeDemoContent(facts).equals(content)).toBe(true);
      expect(writeDemoContent({ ...facts, user: 'bob' }).equals(content)).toBe(false);
    },
  );

  test.each([
    ['uint8', Uint8Array.of(0, 50, 100, 150, 200, 250)],
    ['uint16', Uint16Array.of(0, 1000, 2000, 3000, 4000, 65_535)],
  ])('%s TIFF pictures are read with the metadata of FEI', async (dtype, pixels) => {
    const { id, format, signals } = await read(
      'a.tif',
      writeFeiTiff({
        width: 3,
        height: 2,
        pixels,
        acquired,
        sections: {
          User: { User: 'ann' },
          Beam: { Beam: 'EBeam', Scan: 'EScan' },
          EBeam: { HV: 5000, WD: 0.004 },
          EScan: { PixelWidth: 2e-9, PixelHeight: 2e-9, Dwell: 1e-6 },
        },
      }),
    );
    expect(id).toBe('tiff');
    expect(format).toMatch(/FEI/);
    expect(signals).toEqual([
      expect.objectContaining({
        type: 'Image',
        shape: [2, 3],
        dtype,
        acquiredMs: acquired.toMillis(),
        metadata: expect.objectContaining({
          'Acceleration Voltage': { value: 5, unit: 'kV' },
          'Pixel Width': { value: 2, unit: 'nm' },
          Operator: { value: 'ann' },
        }),
      }),
    ]);
  });

  test('MSA spectra are read with their energy axis', async () => {
    const { id, signals } = await read(
      'a.msa',
      writeMsa({
        title: 'gold',
        owner: 'ann',
        acquired,
        signalType: 'EDS',
        offset: -100,
        channelWidth: 10,
        xUnit: 'eV',
        yUnit: 'Counts',
        values: [0, 4, 9.5, 2],
        fields: { BEAMKV: 200, LIVETIME: 12.5 },
      }),
    );
    expect(id).toBe('msa');
    expect(signals).toEqual([
      expect.objectContaining({
        title: 'gold',
        type: 'Spectrum',
        shape: [4],
        calibration: [{ scale: 10, origin: -100, unit: 'eV' }],
        acquiredMs: acquired.toMillis(),
      }),
    ]);
    const preview = signals[0]?.previewOf?.();
    expect(preview).toMatchObject({ kind: 'spectrum', values: Float64Array.of(0, 4, 9.5, 2) });
  });
});
