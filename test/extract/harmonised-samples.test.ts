import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import type { MetadataValue } from '../../src/domain/file-metadata.js';
import { harmonisedName, type HarmonisedName } from '../../src/domain/harmonised-names.js';
import { extractSingleFile } from '../../src/extract/extract-single-file.js';
import { MetadataBuilder } from '../../src/extract/harmonise.js';
import { describeWithSamples, samplePath } from '../support/samples.js';

jest.setTimeout(180_000);

/** A value as one signal of a sample has it. */
interface SampleValue {
  readonly file: string;
  readonly signal: number;
  readonly name: string;
  readonly entry: MetadataValue;
}

const OF_KIND: Readonly<Record<HarmonisedName['kind'], (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  text: (value) => typeof value === 'string' && value.trim() === value && value !== '',
  time: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(value),
  boolean: (value) => typeof value === 'boolean',
};

/** Why a value is not as the table has it; null: it is. */
function faultOf({ name, entry }: SampleValue): string | null {
  const target = harmonisedName(name);
  if (target === undefined) return 'not in the table';
  if (entry.unit !== target.unit) return `in ${String(entry.unit)}`;
  const values: readonly unknown[] = Array.isArray(entry.value) ? entry.value : [entry.value];
  return values.every(OF_KIND[target.kind]) ? null : `no ${target.kind}: ${String(entry.value)}`;
}

describeWithSamples('The metadata of the samples of all vendors', () => {
  const values: SampleValue[] = [];

  beforeAll(async () => {
    for (const entry of readdirSync(samplePath(''), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const { metadata } = await extractSingleFile(Buffer.from(path), {
        timezone: 'Europe/Berlin',
      });
      for (const [index, signal] of metadata.signals.entries()) {
        for (const [name, value] of Object.entries(signal.metadata)) {
          values.push({ file: entry.name, signal: index, name, entry: value });
        }
      }
    }
  });

  const valueOf = (file: string, name: string): MetadataValue['value'] | undefined =>
    values.find((one) => one.file === file && one.name === name)?.entry.value;

  test('have the names, units and kinds of the table', () => {
    expect(values.length).toBeGreaterThan(3000);
    const faults = values.flatMap((value) => {
      const fault = faultOf(value);
      return fault === null ? [] : [`${value.file}: ${value.name} is ${fault}`];
    });
    expect(faults).toStrictEqual([]);
  });

  test.each([
    ['test_dm_image_um_unit.dm3', 'BM-UltraScan'],
    ['128x128-TEM_search_1.ser', 'BM-Ceta'],
    ['1532 Camera Ceta.emd', 'BM-Ceta'],
    ['TVIPS_bin4.tif', 'F416'],
    ['map4x4.xml', 'EMPAD'],
  ])('%s names its camera as device and as detector', (file, camera) => {
    expect(valueOf(file, 'Acquisition Device')).toBe(camera);
    expect(valueOf(file, 'Detector Name')).toBe(camera);
  });

  test('a scan unit is no detector; the rotation of a SEM stage is no tilt', () => {
    expect(valueOf('test_STEM_image.dm3', 'Acquisition Device')).toBe('DigiScan');
    expect(valueOf('test_STEM_image.dm3', 'Detector Name')).toBeUndefined();
    expect(valueOf('test-MonarcCL_mono-image.dm4', 'Stage Rotation')).toBe(341);
    expect(valueOf('test-MonarcCL_mono-image.dm4', 'Stage Beta')).toBeUndefined();
  });
});

test('a detector that the file names stays beside its camera', () => {
  const metadata = new MetadataBuilder().text('Detector Name', 'HAADF').camera('Ceta').build();
  expect(metadata).toStrictEqual({
    'Acquisition Device': { value: 'Ceta' },
    'Detector Name': { value: 'HAADF' },
  });
});
