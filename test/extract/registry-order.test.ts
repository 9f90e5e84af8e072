import { expect, test } from '@jest/globals';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { edaxMapBytes, edaxSpectrumBytes } from '../support/edax-bytes.js';
import { mibBytes } from '../support/mib-bytes.js';
import { mrcBytes } from '../support/mrc-bytes.js';
import { sampleFile } from '../support/sample-file.js';
import { describeWithSamples, sampleReference } from '../support/samples.js';
import { sniffableFile, type SniffableFile } from '../support/sniffable-file.js';

/** Who reads the samples, by their extension. */
const READERS: Readonly<Record<string, string>> = {
  '.dm3': 'dm',
  '.dm4': 'dm',
  '.ser': 'ser',
  '.msa': 'msa',
  '.bcf': 'bruker',
  '.spx': 'bruker',
  '.blo': 'blockfile',
  '.tvips': 'tvips-stream',
  '.img': 'jeol',
  '.map': 'jeol',
  '.pts': 'jeol',
  '.eds': 'jeol',
  '.tif': 'tiff',
};

function readerOf({ head }: Pick<SniffableFile, 'head'>): string | undefined {
  return EXTRACTORS.find((extractor) => extractor.sniff(head))?.id;
}

describeWithSamples('every sample', () => {
  const names = sampleReference((name) => extensionOf(name) in READERS).map(([name]) => name);

  test.each(names)('%s is read by the reader of its format', (name) => {
    expect(readerOf(sampleFile(name))).toBe(READERS[extensionOf(name)]);
  });

  test.each([
    ['empad_data/map4x4.xml', 'empad'],
    ['JEOL_files/rawdata.ASW', 'jeol'],
    ['FEI_old/no_AcquireDate.emi', 'emi'],
    ['bruker_data/Nope.bcf', undefined],
  ] as const)('%s is read by %s', (name, reader) => {
    expect(readerOf(sampleFile(name))).toBe(reader);
  });
});

test.each([
  ['a.spc', edaxSpectrumBytes({ counts: [1, 2] }), 'edax'],
  ['a.spd', edaxMapBytes({ lines: 1, points: 1, channels: 1 }, 1, () => 0), 'edax'],
  ['a.mrc', mrcBytes({ size: [1, 1, 1], mode: 0, pixels: Buffer.of(0) }), 'mrc'],
  ['a.mib', mibBytes({ width: 1, height: 1, kind: 'U08', frames: [Buffer.of(0)] }), 'mib'],
] as const)('%s is read by the reader of its format', (name, bytes, reader) => {
  expect(readerOf(sniffableFile(name, bytes))).toBe(reader);
});

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.')).toLowerCase();
}
