import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { File } from 'h5wasm';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { buildHdf5, setAttributes } from '../support/build-hdf5.js';
import { firstFrame } from '../support/first-frame.js';
import { describeWithSamples, samplePath } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };

async function read(bytes: Buffer, context = CONTEXT): Promise<ExtractedFile> {
  return hdf5Extractor.extract(sniffableFile('a.h5', bytes), context);
}

async function readBuilt(write: (file: File) => void): Promise<ExtractedFile> {
  return read(await buildHdf5(write));
}

describe('the signature', () => {
  test.each([0, 512, 1024, 4096])('is found behind a user block of %i bytes', (offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')]);
    expect(hdf5Extractor.sniff(sniffableFile('a.h5', bytes).head)).toBe(true);
  });

  test.each([1, 256, 1000])('is not looked for at byte %i', (offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')]);
    expect(hdf5Extractor.sniff(sniffableFile('a.h5', bytes).head)).toBe(false);
  });

  test('alone makes no file', async () => {
    await expect(read(Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'))).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });
});

describe('any other HDF5 file', () => {
  test('shows its largest dataset of numbers; what it means is unknown', async () => {
    const { format, signals } = await readBuilt((file) => {
      file.create_dataset({ name: 'small', data: new Float32Array(3) });
      const group = file.create_group('deep');
      group.create_dataset({
        name: 'large',
        data: new Int16Array([1, -2, 3, 4, 5, 6]),
        shape: [2, 3],
      });
      file.create_dataset({ name: 'text', data: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] });
    });
    expect(format).toBe('HDF5');
    expect(signals).toMatchObject([
      {
        title: '/deep/large',
        type: 'Unknown',
        shape: [2, 3],
        calibration: [],
        dtype: 'int16',
        acquiredMs: null,
        metadata: { 'Data Dimensions': { value: '2 × 3' } },
      },
    ]);
    expect(signals[0]?.previewOf?.()).toMatchObject({
      kind: 'image',
      width: 3,
      height: 2,
      pixels: Int16Array.of(1, -2, 3, 4, 5, 6),
    });
  });

  test('attributes and small datasets are tags, large ones are described', async () => {
    const { tags } = await readBuilt((file) => {
      setAttributes(file, { text: 'Größe', number: 1.5, list: ['a', 'b'] });
      file.create_attribute('big', BigInt64Array.of(2n ** 60n));
      file.create_dataset({ name: 'many', data: new Float64Array(1000) });
      const set = file.create_dataset({ name: 'few', data: new Uint8Array([1, 2]) });
      set.create_attribute('units', 'nm');
      file.create_dataset({
        name: 'rows',
        data: new Map<string, unknown>([
          ['mass', new Float32Array([1, 2])],
          ['count', new Int32Array([3, 4])],
        ]),
      });
    });
    expect(tags).toEqual({
      '@big': ['1152921504606846976'],
      '@list': ['a', 'b'],
      '@number': 1.5,
      '@text': 'Größe',
      few: { '@units': 'nm', value: [1, 2] },
      many: '[1000 float64]',
      rows: [
        { mass: 1, count: 3 },
        { mass: 2, count: 4 },
      ],
    });
  });

  test('a picture too large to be read at once is averaged', async () => {
    const { signals } = await readBuilt((file) => {
      const data = new Uint8Array(6 * 8200).fill(8);
      const shape = [6, 8200];
      file
        .create_dataset({ name: 'd', data, shape, maxshape: [null, null], chunks: [50, 8200] })
        .resize([8200, 8200]);
    });
    const source = signals[0]?.previewOf?.();
    if (source?.kind !== 'image') throw new Error('no picture');
    expect([source.width, source.height]).toEqual([2050, 2050]);
    // Four rows become one: the first are whole, of the next two rows of four.
    expect([0, 1, 2].map((row) => source.pixels[row * 2050])).toEqual([8, 4, 0]);
  });

  test('without any numbers gives no signal', async () => {
    const { signals } = await readBuilt((file) => {
      file.create_attribute('only', 'text');
    });
    expect(signals).toEqual([]);
  });

  test('previews are not offered when none are wanted', async () => {
    const bytes = await buildHdf5((file) => {
      file.create_dataset({ name: 'd', data: new Float32Array(6) });
    });
    const { signals } = await read(bytes, { ...CONTEXT, previews: false });
    expect(signals[0]?.previewOf).toBeNull();
  });
});

describeWithSamples('metadata of other programs', () => {
  test('NCEM EMD: the groups of microscope, sample and user', async () => {
    const { format, signals } = await read(
      readFileSync(samplePath('emd_files/example_metadata.emd')),
    );
    expect(format).toBe('EMD (NCEM 0.2)');
    expect(signals[0]?.metadata).toEqual({
      'Acceleration Voltage': { value: 300, unit: 'kV' },
      'Data Dimensions': { value: '3 × 3' },
      Microscope: { value: 'Titan' },
      Operator: { value: 'John Doe' },
      Specimen: { value: 'TiO2' },
      Title: { value: 'This is a test!' },
      'User Text': { value: 'Test' },
    });
  });

  test('Prismatic: simulated data are derived', async () => {
    const { format, signals } = await read(readFileSync(samplePath('emd_files/Si100_4D.emd')));
    expect(format).toBe('EMD (Prismatic)');
    expect(signals[0]).toMatchObject({
      type: 'Diffraction',
      role: 'Derived',
      metadata: {
        'Acceleration Voltage': { value: 100, unit: 'kV' },
        'Convergence Semi-angle': { value: 30, unit: 'mrad' },
      },
    });
  });

  test('Prismatic: numbers that are in Å have a scale bar in Å, whatever unit the file says', async () => {
    const { signals, warnings } = await read(
      readFileSync(samplePath('emd_files/Si100_2D_3D_DPC_potential_2slices.emd')),
    );
    expect(warnings).toEqual([
      'The file says nm for axes whose numbers are in Å: Prismatic wrote them so.',
      'The file says mrad for axes whose numbers are in rad: Prismatic wrote them so.',
    ]);
    for (const { calibration, previewOf } of signals) {
      const { scale = 0 } = calibration.at(-1) ?? {};
      expect(calibration.at(-1)).toMatchObject({ unit: 'nm' });
      expect(firstFrame(previewOf?.())).toMatchObject({ pixelSize: { size: scale, unit: 'Å' } });
    }
    const patterns = await read(readFileSync(samplePath('emd_files/Si100_4D.emd')));
    expect(patterns.signals[0]?.previewOf?.()).toMatchObject({ pixelSize: { unit: '1/Å' } });
  });

  test('HyperSpy: microscope, detector and time in the zone of the instrument', async () => {
    const { format, signals } = await read(
      readFileSync(samplePath('hdf5_files/example2_v3.1.hspy')),
    );
    expect(format).toBe('HyperSpy 3.1');
    expect(signals[0]).toMatchObject({
      type: 'Diffraction',
      acquiredMs: Date.parse('2014-07-09T18:56:37+02:00'),
      metadata: {
        'Acceleration Voltage': { value: 200, unit: 'kV' },
        'Acquisition Time': { value: '2014-07-09T18:56:37+02:00' },
        'Exposure Time': { value: 0.2, unit: 's' },
        Microscope: { value: 'FEI Tecnai' },
        'Stage Alpha': { value: 10, unit: '°' },
      },
    });
    expect(signals[0]?.metadata).not.toHaveProperty('Beam Current');
  });

  test.each(['1.0', '1.1', '1.2'])('HyperSpy: version %s of the format', async (version) => {
    const { signals } = await read(
      readFileSync(samplePath(`hdf5_files/example1_v${version}.hdf5`)),
    );
    expect(signals[0]).toMatchObject({
      type: 'Spectrum',
      title: 'NIO EELS OK SHELL',
      metadata: {
        'Acceleration Voltage': { value: 120, unit: 'kV' },
        'Collection Semi-angle': { value: 3.4, unit: 'mrad' },
        'Energy Offset': { value: 520.13, unit: 'eV' },
        Signal: { value: 'EELS' },
      },
    });
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'spectrum', xLabel: 'Energy loss' });
  });
});

/** Written from the NeXus manual: the samples hold neither times nor people. */
test('NeXus: instrument, sample, user, start time and reversed axes', async () => {
  const { format, signals } = await readBuilt((file) => {
    const entry = file.create_group('entry');
    setAttributes(entry, { NX_class: 'NXentry' });
    entry.create_dataset({ name: 'start_time', data: '2024-05-06T07:08:09+01:00' });
    entry.create_dataset({ name: 'program_name', data: 'GDA' });
    for (const [name, nexusClass, value] of [
      ['instrument', 'NXinstrument', 'I14'],
      ['sample', 'NXsample', 'leaf'],
      ['user', 'NXuser', 'Ada'],
    ] as const) {
      const group = entry.create_group(name);
      setAttributes(group, { NX_class: nexusClass });
      group.create_dataset({ name: 'name', data: value });
    }
    const data = entry.create_group('xrf');
    setAttributes(data, { NX_class: 'NXdata', signal: 'counts', axes: ['y', '.', 'energy'] });
    data.create_dataset({ name: 'counts', data: new Uint32Array(24).fill(1), shape: [2, 3, 4] });
    data
      .create_dataset({ name: 'y', data: new Float64Array([4, 2]) })
      .create_attribute('units', 'mm');
    data
      .create_dataset({ name: 'energy', data: new Float64Array([1, 1.5, 2, 2.5]) })
      .create_attribute('units', 'keV');
  });
  expect(format).toBe('NeXus');
  expect(signals).toMatchObject([
    {
      title: 'xrf',
      type: 'SpectrumImage',
      calibration: [
        { scale: -2, origin: 4, unit: 'mm' },
        { scale: 1, origin: 0, unit: '' },
        { scale: 0.5, origin: 1, unit: 'keV' },
      ],
      acquiredMs: Date.parse('2024-05-06T06:08:09Z'),
      metadata: {
        'Acquisition Software': { value: 'GDA' },
        'Acquisition Time': { value: '2024-05-06T08:08:09+02:00' },
        Microscope: { value: 'I14' },
        Operator: { value: 'Ada' },
        Specimen: { value: 'leaf' },
      },
    },
  ]);
  expect(signals[0]?.previewOf?.()).toMatchObject({
    kind: 'spectrum-image',
    navigation: { width: 3, height: 2, pixels: new Float64Array(6).fill(4) },
    spectrum: { values: new Float64Array(4).fill(6), origin: 1, scale: 0.5, xUnit: 'keV' },
  });
});

describe('the axis of a curve', () => {
  test.each([
    ['energy', '', [0.1, 0.11, 0.12], 'Energy', ''],
    ['photon_energy', 'eV', [1, 2, 3], 'Photon energy', 'eV'],
    ['x', 'keV', [1, 2, 3], 'Energy', 'keV'],
    ['q', '1/nm', [1, 2, 3], 'q', '1/nm'],
    ['bins', '', [0, 1, 2], 'Channel', ''],
  ])('of NeXus: %s in "%s" over %j is %s', async (name, units, values, xLabel, xUnit) => {
    const { signals } = await readBuilt((file) => {
      const data = file.create_group('data');
      setAttributes(data, { NX_class: 'NXdata', signal: 'counts', axes: [name] });
      data.create_dataset({ name: 'counts', data: new Uint32Array([7, 8, 9]) });
      data
        .create_dataset({ name, data: new Float64Array(values) })
        .create_attribute('units', units);
    });
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'spectrum', xLabel, xUnit });
  });

  test.each([
    ['test_name', 'test_units', [0, 1, 2], 'Test name', 'test_units'],
    ['depth', '[n_m]', [0, 1, 2], 'Depth', 'nm'],
    ['Energy loss', '[e_V]', [5, 6, 7], 'Energy loss', 'eV'],
    ['', '[n_m]', [0, 1, 2], 'Position', 'nm'],
    ['depth', '', [0, 1, 2], 'Index', ''],
  ])('of NCEM EMD: %s in "%s" over %j is %s', async (name, units, values, xLabel, xUnit) => {
    const { signals } = await readBuilt((file) => {
      setAttributes(file, { version_major: 0, version_minor: 2 });
      const group = file.create_group('line');
      group.create_attribute('emd_group_type', 1);
      group.create_dataset({ name: 'data', data: new Float64Array([7, 8, 9]) });
      setAttributes(group.create_dataset({ name: 'dim1', data: new Float64Array(values) }), {
        name,
        units,
      });
    });
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'spectrum', xLabel, xUnit });
  });
});

/** Written from the description of EMD 1.0 (emdfile, py4DSTEM): no sample is freely packaged. */
test('EMD 1.0 of py4DSTEM: arrays lie in the usual order and their axes count from 0', async () => {
  const { format, signals } = await readBuilt((file) => {
    setAttributes(file, { version_major: 1, version_minor: 0, emd_group_type: 'file' });
    const root = file.create_group('4DSTEM_experiment');
    setAttributes(root, { emd_group_type: 'root' });
    const cube = root.create_group('datacube');
    setAttributes(cube, { emd_group_type: 'array' });
    cube.create_dataset({
      name: 'data',
      data: new Uint16Array(2 * 3 * 4 * 5),
      shape: [2, 3, 4, 5],
    });
    for (const [index, [step, units]] of (
      [
        [2, 'nm'],
        [2, 'nm'],
        [0.1, 'A^-1'],
        [0.1, 'A^-1'],
      ] as const
    ).entries()) {
      const dim = cube.create_dataset({ name: `dim${index}`, data: new Float64Array([0, step]) });
      setAttributes(dim, { name: 'x', units });
    }
  });
  expect(format).toBe('EMD (py4DSTEM)');
  expect(signals).toMatchObject([
    {
      title: 'datacube',
      type: 'Diffraction',
      shape: [2, 3, 4, 5],
      calibration: [
        { scale: 2, unit: 'nm' },
        { scale: 2, unit: 'nm' },
        { scale: 0.1, unit: '1/A' },
        { scale: 0.1, unit: '1/A' },
      ],
    },
  ]);
});
