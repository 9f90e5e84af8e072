import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isAppError } from '../../src/errors.js';
import type { ExtractedFile, PreviewSource } from '../../src/extract/extractor.js';
import { msaExtractor } from '../../src/extract/formats/msa.js';
import { damaged } from '../support/damage.js';
import { sniffableFile } from '../support/sniffable-file.js';
import { describeWithSamples, samplePath, sampleReference } from '../support/samples.js';

const CONTEXT = { timezone: 'Europe/Berlin', previews: true };

async function read(content: string | Buffer, name = 'a.msa'): Promise<ExtractedFile> {
  const file = sniffableFile(name, content);
  expect(msaExtractor.sniff(file.head)).toBe(true);
  return msaExtractor.extract(file, CONTEXT);
}

function spectrumOf(extracted: ExtractedFile): Extract<PreviewSource, { kind: 'spectrum' }> {
  const source = extracted.signals[0]?.previewOf?.();
  if (source?.kind !== 'spectrum') throw new Error('No spectrum.');
  return source;
}

/** A file with header lines over the required ones, and data lines. */
function msa(header: readonly string[], data: readonly string[], end = '#ENDOFDATA   : '): string {
  return [
    '#FORMAT      : EMSA/MAS Spectral Data File',
    '#VERSION     : TC202v2.0',
    ...header,
    '#SPECTRUM    : Spectral Data Starts Here',
    ...data,
    end,
  ].join('\r\n');
}

const references = sampleReference((name) => name.endsWith('.msa'));

describeWithSamples('MSA samples as hyperspy reads them', () => {
  test.each(references)('%s', async (name, [expected]) => {
    const extracted = await read(readFileSync(samplePath(name)));
    expect(extracted.signals).toMatchObject([
      {
        type: 'Spectrum',
        shape: expected?.shape,
        dtype: expected?.dtype,
        calibration: expected?.calibration,
        title: expected?.title ?? null,
      },
    ]);
    if ((expected?.shape[0] ?? 0) > 1) {
      const sum = [...spectrumOf(extracted).values].map(Number).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - Number(expected?.sum))).toBeLessThan(1e-6);
    }
  });

  test('an EDS spectrum: every keyword that has a harmonised name', async () => {
    const extracted = await read(readFileSync(samplePath('msa_files/example2.msa')));
    expect(extracted.signals[0]?.metadata).toEqual({
      'Acceleration Voltage': { value: 120, unit: 'kV' },
      'Acquisition Time': { value: '1991-10-01T12:00:00+01:00' },
      'Azimuthal Angle': { value: 90, unit: '°' },
      'Beam Current': { value: 12.345, unit: 'nA' },
      'Beam Diameter': { value: 100, unit: 'nm' },
      'Data Type': { value: 'EDS_Spectrum' },
      'Dead Time': { value: 33.3333, unit: '%' },
      'Detector Name': { value: 'SIWLS' },
      'Elevation Angle': { value: 20, unit: '°' },
      'Emission Current': { value: 5.5, unit: 'µA' },
      'Energy Dispersion': { value: 10, unit: 'eV' },
      'Energy Offset': { value: 200, unit: 'eV' },
      'Live Time': { value: 100, unit: 's' },
      Magnification: { value: 100 },
      'Operation Mode': { value: 'IMAG' },
      Operator: { value: 'EMSA/MAS TASK FORCE' },
      'Real Time': { value: 150, unit: 's' },
      Signal: { value: 'EDS' },
      'Stage Alpha': { value: 45, unit: '°' },
      'Stage Beta': { value: 20, unit: '°' },
      Title: { value: 'NIO Windowless Spectra OK NiL' },
    });
    expect(extracted.tags).toMatchObject({
      'TAUWIND -cm': '2.0 E-06',
      User: { 'ALPHA-1': '3.1415926535' },
    });
  });

  test('a wrong date is a warning, everything else stays', async () => {
    const extracted = await read(readFileSync(samplePath('msa_files/example1_wrong_date.msa')));
    expect(extracted.signals).toMatchObject([{ acquiredMs: null, shape: [21] }]);
    expect(extracted.warnings).toEqual([
      'The date cannot be read: 01-09-1991 12:100',
      'The file promises 20 channels and holds 21.',
    ]);
  });

  test('500 damaged copies give a result or an AppError', async () => {
    const bytes = readFileSync(samplePath('msa_files/example2.msa'));
    for (let seed = 1; seed <= 500; seed += 1) {
      try {
        const { signals } = await msaExtractor.extract(
          sniffableFile('a.msa', damaged(bytes, seed)),
          CONTEXT,
        );
        signals[0]?.previewOf?.();
      } catch (error) {
        if (!isAppError(error)) throw new Error(`Seed ${seed}`, { cause: error });
      }
    }
    expect(bytes.length).toBeGreaterThan(0);
  });
});

describe('variants', () => {
  test.each([
    ['commas and blanks', ['1, 2, 3', '4.,5.5, ']],
    ['blanks only', ['1 2 3', ' 4. 5.5']],
    ['one a line, no end of line at the end', ['1', '2', '3', '4', '5.5']],
    ['tabs and semicolons', ['1\t2;3', '4;5.5']],
    ['exponents, also torn off', ['1E0, 2.0 E+00, 30.e-1', '+4, .55 E+1']],
  ])('y values with %s', async (_, lines) => {
    const extracted = await read(msa(['#XPERCHAN : 10', '#OFFSET : -5', '#XUNITS : eV'], lines));
    expect([...spectrumOf(extracted).values]).toEqual([1, 2, 3, 4, 5.5]);
    expect(extracted.signals).toMatchObject([
      { shape: [5], calibration: [{ scale: 10, origin: -5, unit: 'eV' }] },
    ]);
    expect(extracted.warnings).toEqual([]);
  });

  test('pairs without XPERCHAN are calibrated by their x values', async () => {
    const extracted = await read(
      msa(['#DATATYPE : XY', '#XUNITS : keV'], ['0.5, 7', '0.6, 8', '0.7, 9']),
    );
    expect([...spectrumOf(extracted).values]).toEqual([7, 8, 9]);
    const [axis] = extracted.signals[0]?.calibration ?? [];
    expect(axis).toMatchObject({ origin: 0.5, unit: 'keV' });
    expect(axis?.scale).toBeCloseTo(0.1, 12);
    expect(extracted.signals[0]?.metadata).toMatchObject({
      'Energy Offset': { value: 500, unit: 'eV' },
    });
  });

  test.each([
    ['ELS', 'Energy', 'Energy loss'],
    ['eels', '', 'Energy loss'],
    ['EDS', 'X-RAY ENERGY', 'X-RAY ENERGY'],
    ['', '', 'Channel'],
  ])('a spectrum of type "%s" over "%s" is drawn over "%s"', async (type, label, shown) => {
    const header = [`#SIGNALTYPE : ${type}`, `#XLABEL : ${label}`, '#XUNITS : eV'];
    const calibrated = await read(msa([...header, '#XPERCHAN : 0.5'], ['1', '2']));
    expect(spectrumOf(calibrated).xLabel).toBe(shown);
  });

  test('losses over channels that nothing calibrates are over channels', async () => {
    expect(spectrumOf(await read(msa(['#SIGNALTYPE : ELS'], ['1', '2']))).xLabel).toBe('Channel');
  });

  test('without any calibration there is none', async () => {
    expect((await read(msa([], ['1', '2']))).signals).toMatchObject([{ calibration: [] }]);
  });

  test('a missing #ENDOFDATA is a warning', async () => {
    const extracted = await read(msa([], ['1', '2', '3'], ''));
    expect(extracted.signals).toMatchObject([{ shape: [3] }]);
    expect(extracted.warnings).toEqual([expect.stringContaining('#ENDOFDATA')]);
  });

  test('keywords in small letters, with their own unit, and seconds in the time', async () => {
    const extracted = await read(
      msa(
        [
          '#Title : first line',
          '#Title : second line',
          '#date        : 07-Mar-2022',
          '#TIME        : 14:38:59',
          '#beamkv   -V: 15000.',
          '#LIVETIME  -ms: 2500',
          '#PROBECUR -pA: 12',
          '##RESO (MnKa): 129.5',
          '##Elements   : 8,14',
        ],
        ['1', '2'],
      ),
    );
    expect(extracted.signals).toMatchObject([
      {
        title: 'first line\nsecond line',
        acquiredMs: Date.UTC(2022, 2, 7, 13, 38, 59),
        metadata: {
          'Acceleration Voltage': { value: 15, unit: 'kV' },
          'Live Time': { value: 2.5, unit: 's' },
          'Beam Current': { value: 0.012, unit: 'nA' },
          'Detector Resolution': { value: 129.5, unit: 'eV' },
        },
      },
    ]);
    expect(extracted.tags).toMatchObject({ User: { Elements: '8,14' } });
    expect(extracted.warnings).toEqual([]);
  });

  test('an empty date is no warning', async () => {
    const extracted = await read(msa(['#DATE        : ', '#TIME        : '], ['1', '2']));
    expect(extracted).toMatchObject({ warnings: [], signals: [{ acquiredMs: null }] });
  });

  test('Latin-1 letters and control characters come through', async () => {
    const extracted = await read(msa(['#OWNER : M\xfcller\u0001'], ['1', '2']));
    expect(extracted.signals[0]?.metadata['Operator']).toEqual({ value: 'Müller\u0001' });
  });

  test('numbers and units that make no sense are left out with a warning', async () => {
    const extracted = await read(
      msa(
        ['#BEAMKV -kV: high', '#PROBECUR -cm: 3', `#MAGCAM : ${'9'.repeat(5000)}x`],
        ['1', 'x', '3'],
      ),
    );
    expect(extracted.signals[0]?.metadata).not.toHaveProperty('Acceleration Voltage');
    expect(extracted.signals[0]?.metadata).not.toHaveProperty('Beam Current');
    expect(extracted.signals[0]?.metadata).not.toHaveProperty('Magnification');
    expect(extracted.warnings).toHaveLength(4);
    expect([...spectrumOf(extracted).values]).toEqual([1, 0, 3]);
  });

  test.each(['\r\n', '\n', '\r'])(
    'long files are read piece by piece; lines end with %j',
    async (end) => {
      const lines = Array.from({ length: 150_000 }, (_, index) => `${index}.5`);
      const extracted = await read(
        msa([`#NPOINTS : ${lines.length}`], lines).replaceAll('\r\n', end),
      );
      const { values } = spectrumOf(extracted);
      expect(values).toHaveLength(150_000);
      expect(values.every((value, index) => value === index + 0.5)).toBe(true);
      expect(extracted.warnings).toEqual([]);
    },
  );

  test.each(['\r\n', '\n', '\r'])(
    'warnings name the line, also far in; lines end with %j',
    async (end) => {
      const lines = Array.from({ length: 150_000 }, (_, index) =>
        index === 149_000 ? 'x' : '1.2345678',
      );
      const extracted = await read(msa([], lines).replaceAll('\r\n', end));
      expect(extracted.warnings).toEqual([expect.stringContaining('Line 149004 ')]);
    },
  );

  test.each([
    ['no data', '#FORMAT : EMSA\n#VERSION : 1.0\n', 'FORMAT_INVALID'],
    ['one endless line', `#FORMAT : EMSA\n#SPECTRUM :\n${'1'.repeat(3_000_000)}`, 'FORMAT_INVALID'],
    ['endless keywords', `#FORMAT : EMSA\n${'#COMMENT : a\n'.repeat(20_000)}`, 'LIMIT_EXCEEDED'],
  ])('%s: %3$s', async (_, text, code) => {
    await expect(read(text)).rejects.toMatchObject({ code });
  });
});

test.each(['a.msa', 'a.emsa', 'a.txt', 'a'])('%s is known by its content', (name) => {
  expect(msaExtractor.sniff(sniffableFile(name, '#format    : EMSA/MAS').head)).toBe(true);
  expect(msaExtractor.sniff(sniffableFile(name, 'FORMAT: EMSA').head)).toBe(false);
});
