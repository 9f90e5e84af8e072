import type { JsonValue } from '../../extractor.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { isList, numberOf, textOf } from './hdf5-access.js';

/** Reads an entry of HyperSpy's metadata tree: names of the nodes, then of the entry. */
export type HyperspyTags = (...names: readonly string[]) => JsonValue | undefined;

/** Numbers below Acquisition_instrument/TEM or /SEM, with HyperSpy's units (its user guide, "Metadata structure"). */
const NUMBERS: readonly (readonly [path: readonly string[], name: MetadataName, unit?: string])[] =
  [
    [['beam_energy'], 'Acceleration Voltage', 'kV'],
    [['beam_current'], 'Beam Current', 'nA'],
    [['camera_length'], 'Camera Length', 'mm'],
    [['convergence_angle'], 'Convergence Semi-angle', 'mrad'],
    [['magnification'], 'Magnification'],
    [['working_distance'], 'Working Distance', 'mm'],
    [['Stage', 'rotation'], 'Stage Rotation', '°'],
    [['Stage', 'tilt_alpha'], 'Stage Alpha', '°'],
    [['Stage', 'tilt_beta'], 'Stage Beta', '°'],
    [['Stage', 'x'], 'Stage X', 'mm'],
    [['Stage', 'y'], 'Stage Y', 'mm'],
    [['Stage', 'z'], 'Stage Z', 'mm'],
    [['Detector', 'Camera', 'exposure'], 'Exposure Time', 's'],
    [['Detector', 'EELS', 'collection_angle'], 'Collection Semi-angle', 'mrad'],
    [['Detector', 'EELS', 'dwell_time'], 'Dwell Time', 's'],
    [['Detector', 'EELS', 'exposure'], 'Exposure Time', 's'],
    [['Detector', 'EELS', 'frame_number'], 'Frame Count'],
    [['Detector', 'EDS', 'azimuth_angle'], 'Azimuthal Angle', '°'],
    [['Detector', 'EDS', 'elevation_angle'], 'Elevation Angle', '°'],
    [['Detector', 'EDS', 'energy_resolution_MnKa'], 'Detector Resolution', 'eV'],
    [['Detector', 'EDS', 'live_time'], 'Live Time', 's'],
    [['Detector', 'EDS', 'real_time'], 'Real Time', 's'],
  ];
/** Zero makes no sense for these: it means that nobody set them. */
const ZERO_IS_UNSET: readonly MetadataName[] = [
  'Acceleration Voltage',
  'Beam Current',
  'Camera Length',
  'Magnification',
];

/** The harmonised metadata of a signal in a file of HyperSpy. */
export function hyperspyMetadata(tags: HyperspyTags, signalType: string): MetadataBuilder {
  const metadata = new MetadataBuilder();
  for (const mode of ['TEM', 'SEM']) {
    const at = (...names: readonly string[]): JsonValue | undefined =>
      tags('Acquisition_instrument', mode, ...names) ??
      // Files before version 1.2 had shorter ways.
      tags(mode, ...names.filter((name) => name !== 'Detector'));
    for (const [path, name, unit] of NUMBERS) {
      const value = numberOf(at(...path));
      if (metadata.has(name) || (value === 0 && ZERO_IS_UNSET.includes(name))) continue;
      metadata.number(name, value, unit);
    }
    metadata
      .text('Microscope', textOf(at('microscope')))
      .text('Operation Mode', textOf(at('acquisition_mode')))
      .text('Spectrometer', textOf(at('Detector', 'EELS', 'spectrometer')));
  }
  const elements = tags('Sample', 'elements');
  const names = isList(elements) ? elements.flatMap((name) => textOf(name) ?? []) : [];
  return metadata
    .text('Signal', signalType)
    .text('Operator', textOf(tags('General', 'authors')))
    .text('Specimen', textOf(tags('Sample', 'description')))
    .text('User Text', textOf(tags('General', 'notes')))
    .text('Elements', names.join(', '));
}
