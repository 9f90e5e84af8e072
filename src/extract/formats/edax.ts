import type { AxisCalibration } from '../../domain/file-metadata.js';
import { isAppError } from '../../errors.js';
import type { ExtractContext, ExtractedFile, Extractor, FileSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { tidyFloat32 } from './binary/binary-header.js';
import { NUMERIC_TYPES, readNumbers } from './binary/numeric-type.js';
import { energySpectrum } from './binary/spectrum-sums.js';
import {
  edaxMapAxes,
  edaxMapPreview,
  isEdaxMap,
  readEdaxImage,
  readEdaxMap,
  type EdaxImage,
} from './edax/edax-map.js';
import {
  edaxMetadata,
  isEdaxSpectrum,
  readEdaxSpectrum,
  type EdaxSpectrum,
} from './edax/edax-spc.js';

/** EDAX TEAM and Genesis: X-ray spectra (.spc) and spectrum maps (.spd). */
export const edaxExtractor: Extractor = {
  id: 'edax',
  version: 1,
  extensions: ['.spc', '.spd'],
  // The image description of a map; the spectrum of the same name is a dataset of its own.
  companions: [{ main: '(.+)\\.spd', companions: ['$1.ipr', '$1_Img.ipr'] }],

  sniff: (head) => isEdaxMap(head) || isEdaxSpectrum(head),

  extract(file, context): ExtractedFile {
    const isMap = isEdaxMap({ bytes: file.readUpTo(0, 512) });
    return isMap ? extractMap(file, context) : extractSpectrum(file, context);
  },
};

function extractSpectrum(file: FileSource, { timezone, previews }: ExtractContext): ExtractedFile {
  const spectrum = readEdaxSpectrum(file, timezone);
  const { channels, offset, origin, scale, time, header } = spectrum;
  const axis = { scale, origin, unit: 'keV' };
  return {
    format: 'EDAX spectrum',
    signals: [
      {
        title: null,
        type: 'Spectrum',
        role: 'Experimental',
        metadata: edaxMetadata(spectrum, 'EDS_Spectrum'),
        shape: [channels],
        calibration: [axis],
        dtype: 'uint32',
        acquiredMs: time?.epochMs ?? null,
        previewOf: previews
          ? () => {
              const place = { type: NUMERIC_TYPES.uint32, offset, count: channels };
              return energySpectrum(readNumbers(file, place), axis);
            }
          : null,
      },
    ],
    warnings: timeWarnings(spectrum),
    tags: { spc_header: header.toJson() },
  };
}

function extractMap(file: FileSource, { timezone, previews }: ExtractContext): ExtractedFile {
  const map = readEdaxMap(file);
  const warnings: string[] = [];
  const image = readEdaxImage(file, map);
  if (image === null)
    warnings.push('There is no .ipr file beside the map: its pixel size is not known.');
  const spectrum = spectrumOf(file, timezone, warnings);
  const energy: AxisCalibration =
    spectrum === null
      ? { scale: 1, origin: 0, unit: '' }
      : { scale: spectrum.scale, origin: spectrum.origin, unit: 'keV' };
  return {
    format: 'EDAX spectrum map',
    signals: [
      {
        title: null,
        type: 'SpectrumImage',
        role: 'Experimental',
        metadata: mapMetadata(spectrum, image, map.header.number('nFrames')),
        shape: [map.lines, map.points, map.channels],
        calibration: [...edaxMapAxes(image), energy],
        dtype: map.type.dtype,
        acquiredMs: spectrum?.time?.epochMs ?? null,
        previewOf: previews
          ? () => edaxMapPreview(file, map, energy, image?.pixelWidth ?? null)
          : null,
      },
    ],
    warnings,
    tags: {
      spd_header: map.header.toJson(),
      ...(image === null ? {} : { ipr_header: image.header.toJson() }),
      ...(spectrum === null ? {} : { spc_header: spectrum.header.toJson() }),
    },
  };
}

/** The spectrum file of the same name, which has the energy axis; null with a warning when there is none. */
function spectrumOf(file: FileSource, timezone: string, warnings: string[]): EdaxSpectrum | null {
  const name = file.fileName.replace(/\.[^.]*$/, '.spc');
  const beside = name === file.fileName ? null : file.sibling(name);
  if (beside === null) {
    warnings.push('There is no .spc file beside the map: its energies and settings are not known.');
    return null;
  }
  try {
    const spectrum = readEdaxSpectrum(beside, timezone);
    warnings.push(...timeWarnings(spectrum));
    return spectrum;
  } catch (error) {
    if (!isAppError(error) || error.code !== 'FORMAT_INVALID') throw error;
    warnings.push(`The .spc file beside the map cannot be read: ${error.message}`);
    return null;
  }
}

function mapMetadata(
  spectrum: EdaxSpectrum | null,
  image: EdaxImage | null,
  frames: number,
): ExtractedFile['signals'][number]['metadata'] {
  const own = new MetadataBuilder().text('Data Type', 'EDS_Spectrum_Imaging').text('Signal', 'EDS');
  if (frames > 0) own.number('Frame Count', frames);
  if (image !== null) {
    const { header, pixelWidth, pixelHeight } = image;
    const set = (name: string): number | null =>
      header.number(name) > 0 ? header.number(name) : null;
    own
      .number('Magnification', set('mag'))
      .number('Working Distance', set('wd'), 'mm')
      .number('Acceleration Voltage', (set('accV') ?? NaN) * 100, 'V')
      .number('Pixel Width', pixelWidth === null ? null : tidyFloat32(pixelWidth), 'µm')
      .number('Pixel Height', pixelHeight === null ? null : tidyFloat32(pixelHeight), 'µm');
  }
  const metadata = {
    ...own.build(),
    ...(spectrum === null ? {} : edaxMetadata(spectrum, 'EDS_Spectrum_Imaging')),
  };
  return Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function timeWarnings({ time }: EdaxSpectrum): string[] {
  return typeof time?.warning === 'string' ? [time.warning] : [];
}
