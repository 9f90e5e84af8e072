import { describe, expect, test } from '@jest/globals';
import { isAppError } from '../../src/errors.js';
import type { Extractor, FileSource } from '../../src/extract/extractor.js';
import { blockfileExtractor } from '../../src/extract/formats/blockfile.js';
import { brukerExtractor } from '../../src/extract/formats/bruker.js';
import { edaxExtractor } from '../../src/extract/formats/edax.js';
import { empadExtractor } from '../../src/extract/formats/empad.js';
import { jeolExtractor } from '../../src/extract/formats/jeol.js';
import { mibExtractor } from '../../src/extract/formats/mib.js';
import { mrcExtractor } from '../../src/extract/formats/mrc.js';
import { serExtractor } from '../../src/extract/formats/ser.js';
import { tvipsStreamExtractor } from '../../src/extract/formats/tvips-stream.js';
import { damaged } from '../support/damage.js';
import { edaxImageBytes, edaxMapBytes, edaxSpectrumBytes } from '../support/edax-bytes.js';
import { firstFrame } from '../support/first-frame.js';
import { mibBytes } from '../support/mib-bytes.js';
import { feiRecord, mrcBytes } from '../support/mrc-bytes.js';
import { sampleFile } from '../support/sample-file.js';
import { describeWithSamples } from '../support/samples.js';
import { SniffableFile } from '../support/sniffable-file.js';

const SEED = 20_261_121;
const COPIES = process.env['SOAK'] === '1' ? 2000 : 60;

/** A file of these bytes with others beside it, that may be read a few times over, never at will. */
function limited(
  name: string,
  bytes: Buffer,
  beside: Readonly<Record<string, Buffer>>,
): FileSource {
  const total = Object.values(beside).reduce((sum, { length }) => sum + length, bytes.length);
  const limit = 6 * total + 2_000_000;
  const file = new SniffableFile(name, bytes, 0, limit);
  const { fileName, extension, sizeBytes, mtimeMs } = file;
  return {
    ...{ fileName, extension, sizeBytes, mtimeMs },
    read: (offset, length) => file.read(offset, length),
    readUpTo: (offset, length) => file.readUpTo(offset, length),
    sibling: (wanted) => {
      const found = beside[wanted];
      return found === undefined ? null : limited(wanted, found, {});
    },
  };
}

/** Reads with previews; anything but a result or a refusal is a defect. True: it was read. */
async function readsOrRefuses(
  extractor: Extractor,
  file: FileSource,
  damage: string,
): Promise<boolean> {
  try {
    const { signals, tags } = await extractor.extract(file, { timezone: 'UTC', previews: true });
    JSON.stringify([signals, tags]);
    for (const signal of signals) {
      expect(signal.shape.every((length) => Number.isSafeInteger(length) && length > 0)).toBe(true);
      expect([0, signal.shape.length]).toContain(signal.calibration.length);
      const source = firstFrame(signal.previewOf?.());
      if (source?.kind === 'image') {
        expect(source.pixels.length).toBeGreaterThanOrEqual(source.width * source.height);
      }
    }
    return true;
  } catch (error) {
    if (!isAppError(error) || error.code !== 'FORMAT_INVALID') {
      throw new Error(`${file.fileName}, seed ${SEED}, ${damage}`, { cause: error });
    }
    return false;
  }
}

async function expectSurvival(
  extractor: Extractor,
  name: string,
  bytes: Buffer,
  beside: Readonly<Record<string, Buffer>> = {},
): Promise<void> {
  const whole = limited(name, bytes, beside);
  expect(await readsOrRefuses(extractor, whole, 'whole')).toBe(true);
  for (let copy = 0; copy < COPIES; copy += 1) {
    const seed = SEED + copy;
    const file = limited(name, damaged(bytes, seed), beside);
    await readsOrRefuses(extractor, file, `damaged by ${seed}`);
    for (const [other, content] of Object.entries(beside)) {
      const broken = { ...beside, [other]: damaged(content, seed) };
      await readsOrRefuses(extractor, limited(name, bytes, broken), `${other} damaged by ${seed}`);
    }
  }
  for (let length = 0; length < Math.min(bytes.length, 700); length += 3) {
    const file = limited(name, bytes.subarray(0, length), beside);
    await readsOrRefuses(extractor, file, `cut at ${length}`);
  }
}

describe(`damaged files of our own (seed ${SEED})`, () => {
  const spectrum = edaxSpectrumBytes({ counts: [1, 2, 3, 4] });
  const map = edaxMapBytes({ lines: 3, points: 4, channels: 16 }, 2, (line) => line);
  const beside = { 'map.spc': spectrum, 'map_Img.ipr': edaxImageBytes(1, 1) };
  const words = Buffer.from(Int16Array.from({ length: 24 }, (_, index) => index).buffer);
  const mrc = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, cell: [4, 3, 2] });
  const fei = mrcBytes({
    ...{ size: [4, 3, 2], mode: 1, pixels: words, extendedType: 'FEI2' },
    extended: Buffer.concat([feiRecord(1e-9, 2), feiRecord(1e-9, 2)]),
  });
  const info = { 'a_info.txt': Buffer.from('Frames Per Second = 40\nScan - Enable = Enable\n') };
  const merlin = mibBytes({ width: 4, height: 3, kind: 'U16', frames: [words.subarray(0, 24)] });
  const settings = { 'a.hdr': Buffer.from('HDR,\nFrames per Trigger (Number):\t2\nEnd') };

  test.each([
    ['a.spc', edaxExtractor, spectrum, {}],
    ['map.spd', edaxExtractor, map, beside],
    ['a.mrc', mrcExtractor, mrc, info],
    ['b.mrc', mrcExtractor, fei, {}],
    ['a.mib', mibExtractor, merlin, settings],
  ] as const)('%s is read or refused', async (name, extractor, bytes, others) => {
    await expect(expectSurvival(extractor, name, bytes, others)).resolves.toBeUndefined();
  });
});

describeWithSamples(`damaged samples (seed ${SEED})`, () => {
  test.each([
    ['FEI_old/16x16_STEM_BF_DF_acquire_1.ser', serExtractor, '16x16_STEM_BF_DF_acquire.emi'],
    ['FEI_old/16x16-spectrum_image-5x5x1024_1.ser', serExtractor, ''],
    ['FEI_new/128x128x5-diffraction_preview_1.ser', serExtractor, ''],
    ['bruker_data/16x16_12bit_packed_8bit.bcf', brukerExtractor, ''],
    ['bruker_data/over16bit.bcf', brukerExtractor, ''],
    ['bruker_data/extracted_from_bcf.spx', brukerExtractor, ''],
    ['JEOL_files/InvalidFrame/Sample/00_Dummy-Data/Dummy-Data_0000015.pts', jeolExtractor, ''],
    ['JEOL_files/InvalidFrame/Sample/00_Dummy-Data/Dummy-Data_0000001.map', jeolExtractor, ''],
    ['JEOL_files/met03.EDS', jeolExtractor, ''],
    ['JEOL_files/rawdata.ASW', jeolExtractor, ''],
    ['blockfile_data/test2.blo', blockfileExtractor, ''],
    [
      'tvips_files/test_tvips_2345_split_000.tvips',
      tvipsStreamExtractor,
      'test_tvips_2345_split_001.tvips',
    ],
    ['empad_data/map4x4.xml', empadExtractor, ''],
  ] as const)('%s is read or refused', async (name, extractor, beside) => {
    const file = sampleFile(name);
    const other = beside === '' ? null : file.sibling(beside);
    const others = other === null ? {} : { [beside]: other.bytes };
    await expect(
      expectSurvival(extractor, file.fileName, file.bytes, others),
    ).resolves.toBeUndefined();
  });
});
