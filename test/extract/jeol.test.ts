import { expect, test } from '@jest/globals';
import { jeolExtractor } from '../../src/extract/formats/jeol.js';
import { expectArray, metadataText, previewSum, sampleFile } from '../support/sample-file.js';
import { describeWithSamples, sampleReference } from '../support/samples.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };
const reference = sampleReference((name) => /\.(img|map|pts|eds)$/i.test(name));
const SAMPLE = 'JEOL_files/Sample/00_View000/View000_';

async function read(name: string) {
  return await jeolExtractor.extract(sampleFile(name), CONTEXT);
}

describeWithSamples('the JEOL samples', () => {
  test('are all known to the reference', () => {
    expect(reference).toHaveLength(30);
  });

  test.each(reference)(
    '%s is recognised and has the array and sum that hyperspy reads',
    async (name, [wanted]) => {
      const file = sampleFile(name);
      expect(jeolExtractor.sniff(file.head)).toBe(true);
      const { signals, warnings } = await jeolExtractor.extract(file, CONTEXT);
      const [signal] = signals;
      if (signal === undefined || wanted === undefined) throw new Error('no signal');
      expect(warnings).toEqual([]);
      expectArray(signal, wanted);
      // Frames that were stopped do not count, so that some maps hold nothing.
      expect(previewSum(signal)).toBe(Number(wanted.sum));
    },
  );

  test('a spectrum image has the settings of scan and detector, in our units', async () => {
    expect(metadataText(await read(`${SAMPLE}0000006.pts`))).toEqual({
      'Acceleration Voltage': '200 kV',
      'Acquisition Time': '2017-04-07T18:16:41+02:00',
      'Azimuthal Angle': '90 °',
      'Count Rate': '561 counts/s',
      'Data Dimensions': '512 × 512 × 4096',
      'Data Type': 'STEM_EDS_Spectrum_Imaging',
      'Dead Time': '4 %',
      'Detector Name': 'EX24075JGT',
      'Detector Resolution': '138 eV',
      'Dwell Time': '100 µs',
      'Elevation Angle': '22.3 °',
      'Energy Dispersion': '9.99866 eV',
      'Energy Offset': '-960.661325 eV',
      'Frame Count': '14',
      'Live Time': '325.46 s',
      Magnification: '40000',
      Microscope: 'JEM-2100F(UHR)',
      'Pixel Height': '8.69140625 nm',
      'Pixel Width': '8.69140625 nm',
      'Real Time': '366.9 s',
      'Scan Rotation': '239 °',
      Signal: 'EDS',
      'Working Distance': '6 mm',
    });
  });

  test('the map of an element is titled with its line, an electron image with its detector', async () => {
    const map = await read(`${SAMPLE}0000001.map`);
    expect(map.signals[0]).toMatchObject({ title: 'C K', type: 'Image' });
    expect(metadataText(map)).toMatchObject({ 'Data Type': 'STEM_EDS_Map', 'Frame Count': '14' });
    const image = await read(`${SAMPLE}0000000.img`);
    expect(image.signals[0]).toMatchObject({
      title: 'IMG1',
      acquiredMs: Date.parse('2017-04-07T18:08:05+02:00'),
    });
  });

  test('a spectrum has its elements and times, from behind its counts', async () => {
    expect(metadataText(await read('JEOL_files/met03.EDS'))).toMatchObject({
      'Acceleration Voltage': '200 kV',
      'Acquisition Time': '2018-06-25T14:14:51+02:00',
      'Detector Resolution': '138 eV',
      Elements: 'S, Fe',
      'Elevation Angle': '22.3 °',
      'Live Time': '30 s',
      Microscope: 'JEM-2100F(UHR)',
      Operator: 'gatan',
    });
  });

  test.each([
    ['181019-BN.ASW', 'プロジェクト'],
    ['rawdata.ASW', 'Project'],
  ])('the project %s keeps its title and names its files', async (name, title) => {
    const found = await read(`JEOL_files/${name}`);
    expect(found.signals).toMatchObject([{ title, type: 'Misc', shape: [] }]);
    expect(JSON.stringify(found.tags)).toContain('ViewData');
  });

  test('files of the same folder that are no data are not recognised', () => {
    const name = 'JEOL_files/InvalidFrame/Sample/00_Dummy-Data/Dummy-Data_0000008.apb';
    expect(jeolExtractor.sniff(sampleFile(name).head)).toBe(false);
  });
});
