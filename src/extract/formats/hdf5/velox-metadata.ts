import type { JsonValue } from '../../extractor.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { documentDetector, documentNumber, documentText } from './velox-document.js';

/** What a data group holds. The times that a stream of events states are those of its first frame alone. */
export type VeloxTechnique = 'EDS' | 'EDS stream' | 'EELS' | null;

/** Numbers of the document in SI units. Zero means "not set" for those marked so. */
const NUMBERS: readonly {
  readonly path: readonly string[];
  readonly name: MetadataName;
  readonly unit?: string;
  readonly zeroIsUnset?: boolean;
}[] = [
  {
    path: ['Optics', 'AccelerationVoltage'],
    name: 'Acceleration Voltage',
    unit: 'V',
    zeroIsUnset: true,
  },
  {
    path: ['Optics', 'ExtractorVoltage'],
    name: 'Extraction Voltage',
    unit: 'V',
    zeroIsUnset: true,
  },
  { path: ['Optics', 'SpotIndex'], name: 'Beam Spot Size' },
  {
    path: ['Optics', 'BeamConvergence'],
    name: 'Convergence Semi-angle',
    unit: 'rad',
    zeroIsUnset: true,
  },
  {
    path: ['Optics', 'LastMeasuredScreenCurrent'],
    name: 'Screen Current',
    unit: 'ampere',
    zeroIsUnset: true,
  },
  { path: ['Optics', 'Defocus'], name: 'Defocus', unit: 'm' },
  { path: ['Stage', 'Position', 'x'], name: 'Stage X', unit: 'm' },
  { path: ['Stage', 'Position', 'y'], name: 'Stage Y', unit: 'm' },
  { path: ['Stage', 'Position', 'z'], name: 'Stage Z', unit: 'm' },
  { path: ['Stage', 'AlphaTilt'], name: 'Stage Alpha', unit: 'rad' },
  { path: ['Stage', 'BetaTilt'], name: 'Stage Beta', unit: 'rad' },
];
/** The same of a scan. */
const SCAN_NUMBERS: typeof NUMBERS = [
  { path: ['Scan', 'DwellTime'], name: 'Dwell Time', unit: 's', zeroIsUnset: true },
  { path: ['Scan', 'FrameTime'], name: 'Frame Time', unit: 's', zeroIsUnset: true },
  { path: ['Scan', 'ScanRotation'], name: 'Scan Rotation', unit: 'rad' },
];
/** The same of the detector. */
const DETECTOR_NUMBERS: typeof NUMBERS = [
  { path: ['ExposureTime'], name: 'Exposure Time', unit: 's', zeroIsUnset: true },
  { path: ['Binning', 'width'], name: 'Binning X', zeroIsUnset: true },
  { path: ['Binning', 'height'], name: 'Binning Y', zeroIsUnset: true },
];
/** The same of an X-ray detector. */
const EDS_NUMBERS: typeof NUMBERS = [
  { path: ['ElevationAngle'], name: 'Elevation Angle', unit: 'rad' },
  { path: ['AzimuthAngle'], name: 'Azimuthal Angle', unit: 'rad' },
  { path: ['CollectionAngle'], name: 'Solid Angle', unit: 'sr', zeroIsUnset: true },
  { path: ['PulseProcessTime'], name: 'Amplifier Time Constant', unit: 's', zeroIsUnset: true },
];
/** The same of its times. */
const EDS_TIMES: typeof NUMBERS = [
  { path: ['RealTime'], name: 'Real Time', unit: 's', zeroIsUnset: true },
  { path: ['LiveTime'], name: 'Live Time', unit: 's', zeroIsUnset: true },
];
const APERTURES: readonly (readonly [key: string, name: MetadataName])[] = [
  ['Aperture[C1].Name', 'C1 Aperture'],
  ['Aperture[C2].Name', 'C2 Aperture'],
  ['Aperture[C3].Name', 'C3 Aperture'],
  ['Aperture[OBJ].Name', 'Objective Aperture'],
  ['Aperture[SA].Name', 'Selected Area Aperture'],
];

/** Whether the microscope scanned: OperatingMode 2 is STEM, 1 is TEM. */
export function isScanning(document: JsonValue | null): boolean {
  return documentNumber(document, 'Optics', 'OperatingMode') === 2;
}

/** The harmonised metadata of a data group, by the document of its first frame. */
export function veloxMetadata(
  document: JsonValue | null,
  technique: VeloxTechnique,
  software: string | null,
): MetadataBuilder {
  const metadata = new MetadataBuilder();
  const detector = documentDetector(document);
  const property = (name: string): number | null =>
    documentNumber(document, 'CustomProperties', name, 'value');
  addNumbers(metadata, document, NUMBERS);
  if (isScanning(document)) addNumbers(metadata, document, SCAN_NUMBERS);
  const isEds = technique === 'EDS' || technique === 'EDS stream';
  addNumbers(metadata, detector, isEds ? EDS_NUMBERS : DETECTOR_NUMBERS);
  metadata
    .text(
      'Microscope',
      documentText(document, 'Instrument', 'InstrumentModel') ??
        documentText(document, 'Instrument', 'InstrumentClass'),
    )
    .text('Acquisition Software', software)
    .text('Operation Mode', isScanning(document) ? 'STEM' : 'TEM')
    .text('Imaging Mode', imagingMode(document))
    .text('Illumination Mode', documentText(document, 'Optics', 'IlluminationMode'))
    .text('Detector Name', documentText(document, 'BinaryResult', 'Detector'))
    .text(
      'Specimen',
      documentText(document, 'Sample', 'SampleDescription') ??
        documentText(document, 'Sample', 'SampleId'),
    )
    .number(
      'Magnification',
      documentNumber(document, 'Optics', 'NominalMagnification') ??
        (isScanning(document) ? property('StemMagnification') : null),
    );
  if (isScanning(document) || imagingMode(document) === 'Diffraction') {
    metadata.number('Camera Length', documentNumber(document, 'Optics', 'CameraLength'), 'm');
  }
  for (const [key, name] of APERTURES) {
    // The name of an aperture is its diameter in micrometres.
    const diameter = property(key);
    metadata.number(name, diameter === 0 ? null : diameter, 'µm');
  }
  if (technique === 'EDS') {
    addNumbers(metadata, detector, EDS_TIMES);
    addDeadTime(metadata, detector);
  }
  // Without a scan it is a camera that recorded the picture.
  if (!isScanning(document) && metadata.has('Exposure Time')) {
    metadata.camera(documentText(document, 'BinaryResult', 'Detector'));
  }
  if (technique === 'EELS') {
    metadata.number(
      'Collection Semi-angle',
      property('EnergyFilter.CollectionAngleRange.End'),
      'rad',
    );
  }
  return metadata;
}

/** ProjectorMode 1 is diffraction, which in STEM is that of ordinary images. */
function imagingMode(document: JsonValue | null): string | null {
  if (isScanning(document)) return null;
  const mode = documentNumber(document, 'Optics', 'ProjectorMode');
  return mode === 1 ? 'Diffraction' : mode === 2 ? 'Imaging' : null;
}

function addNumbers(
  metadata: MetadataBuilder,
  document: JsonValue | null,
  numbers: typeof NUMBERS,
): void {
  for (const { path, name, unit, zeroIsUnset } of numbers) {
    const value = documentNumber(document, ...path);
    metadata.number(name, value === 0 && zeroIsUnset === true ? null : value, unit);
  }
}

function addDeadTime(metadata: MetadataBuilder, detector: JsonValue | null): void {
  const live = documentNumber(detector, 'LiveTime');
  const real = documentNumber(detector, 'RealTime');
  if (live === null || real === null || !(real > 0) || live > real) return;
  metadata.number('Dead Time', Number((100 * (1 - live / real)).toPrecision(6)));
}
