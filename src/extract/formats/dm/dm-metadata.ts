import { MetadataBuilder } from '../../harmonise.js';
import type { DmImage } from './dm-images.js';
import type { DmKind } from './dm-kind.js';
import { entryAt, numberAt, textAt, type DmGroup, type DmValue } from './dm-tree.js';

/**
 * The harmonised metadata of an image. Where several tags say the same, the one set by hand for the session wins over
 * the microscope's, and that over the camera's. Zero means "not set" where zero makes no sense.
 */
export function dmMetadata(image: DmImage, kind: DmKind): MetadataBuilder {
  const { tags } = image;
  const metadata = new MetadataBuilder();
  metadata
    .text('Title', image.name)
    .text('Data Type', kind.dataType)
    .text('Data Dimensions', image.shape.join(' × '))
    .text('Signal', kind.signal)
    .text('Acquisition Mode', textAt(tags, 'Meta Data', 'Acquisition Mode'))
    .text(
      'GMS Version',
      textAt(tags, 'GMS Version', 'Created') ?? textAt(tags, 'GMS Version', 'Saved'),
    );
  addMicroscope(metadata, tags, kind);
  addTecnai(metadata, tags);
  addDetector(metadata, tags, kind);
  addPixelSize(metadata, image, kind);
  if (kind.technique === 'EELS') addEels(metadata, image, kind);
  if (kind.technique === 'EDS') addEds(metadata, image, kind);
  if (kind.technique === 'CL') addCathodoluminescence(metadata, tags);
  addScan(metadata, tags);
  return metadata;
}

function addMicroscope(metadata: MetadataBuilder, tags: DmGroup, kind: DmKind): void {
  const info = (name: string): number | null => amountAt(tags, 'Microscope Info', name);
  const text = (name: string): string | null => textAt(tags, 'Microscope Info', name);
  metadata
    .text(
      'Microscope',
      textAt(tags, 'Session Info', 'Microscope') ?? text('Microscope') ?? text('Name'),
    )
    .text('Operator', textAt(tags, 'Session Info', 'Operator') ?? text('Operator'))
    .text('Specimen', textAt(tags, 'Session Info', 'Specimen') ?? text('Specimen'))
    .text('Detector Name', textAt(tags, 'Session Info', 'Detector'))
    .text('Operation Mode', text('Operation Mode'))
    .text('Imaging Mode', text('Imaging Mode'))
    .text('Illumination Mode', text('Illumination Mode'))
    .number(
      'Acceleration Voltage',
      set(info('Voltage')) ?? voltageIn(text('Formatted Voltage')),
      'V',
    )
    .number('Spherical Aberration', set(info('Cs(mm)')), 'mm')
    .number('Emission Current', set(info('Emission Current (µA)')), 'µA')
    .number('Beam Current', set(info('Probe Current (nA)')), 'nA')
    .number('Beam Diameter', set(info('Probe Size (nm)')), 'nm')
    .number('Horizontal Field Width', set(info('Field of View (µm)')), 'µm');
  // In diffraction, TEM's "magnification" is the camera length in mm.
  if (kind.isDiffraction && !kind.isScanning) {
    metadata.number('Camera Length', set(info('Indicated Magnification')), 'mm');
  } else {
    metadata
      .number('Magnification', set(info('Indicated Magnification')))
      .number('Magnification Actual', set(info('Actual Magnification')));
    if (kind.mode === 'STEM')
      metadata.number('Camera Length', set(info('STEM Camera Length')), 'mm');
  }
  const stage = (name: string): number | null =>
    amountAt(tags, 'Microscope Info', 'Stage Position', name);
  metadata
    .number('Stage X', stage('Stage X'), 'µm')
    .number('Stage Y', stage('Stage Y'), 'µm')
    .number('Stage Z', stage('Stage Z'), 'µm')
    .number('Stage Alpha', stage('Stage Alpha'), '°')
    // The stage of a SEM has no second tilt: DigitalMicrograph keeps its rotation there.
    .number(kind.mode === 'SEM' ? 'Stage Rotation' : 'Stage Beta', stage('Stage Beta'), '°');
}

/** The report of FEI's plug-in: one text, a line a topic, separated by U+2028. It fills what is still missing. */
function addTecnai(metadata: MetadataBuilder, tags: DmGroup): void {
  const report = textAt(tags, 'Tecnai', 'Microscope Info');
  if (report === null) return;
  const found = (pattern: RegExp): string | null => pattern.exec(report)?.[1]?.trim() ?? null;
  const amount = (pattern: RegExp): number | null => {
    const text = found(pattern);
    return text === null ? null : Number(text);
  };
  if (!metadata.has('Microscope')) {
    metadata.text('Microscope', found(/(?:^|[\u2028\n])Microscope ([^\u2028\n]{1,200})/));
  }
  if (!metadata.has('Operator')) {
    metadata.text('Operator', found(/[\u2028\n]User ([^\u2028\n]{1,200})/));
  }
  if (!metadata.has('Operation Mode')) {
    metadata.text('Operation Mode', found(/[\u2028\n]Mode ([^\u2028\n]{1,200})/));
  }
  metadata.number('Beam Spot Size', amount(/\bSpot(?: size)? (\d{1,2})\b/i));
  metadata.number('Defocus', amount(/\bDefocus ([-+]?\d{1,9}(?:\.\d{1,9})?) ?[uµ]m/), 'µm');
  if (!metadata.has('Emission Current')) {
    metadata.number(
      'Emission Current',
      set(amount(/\bEmission (\d{1,6}(?:\.\d{1,6})?) ?[uµ]A/)),
      'µA',
    );
  }
}

function addDetector(metadata: MetadataBuilder, tags: DmGroup, kind: DmKind): void {
  const highLevel = ['Acquisition', 'Parameters', 'High Level'] as const;
  const [binningX, binningY] = pairAt(tags, ...highLevel, 'Binning');
  const single = amountAt(tags, 'DataBar', 'Binning');
  const device =
    textAt(tags, 'DataBar', 'Device Name') ?? textAt(tags, 'Acquisition', 'Device', 'Name');
  metadata
    .text('Acquisition Device', device)
    .number('Binning X', binningX ?? single)
    .number('Binning Y', binningY ?? single)
    .number(
      'Exposure Time',
      set(amountAt(tags, 'DataBar', 'Exposure Time (s)')) ??
        set(amountAt(tags, ...highLevel, 'Exposure (s)')) ??
        set(amountAt(tags, 'Acquisition', 'Parameters', 'Detector', 'exposure (s)')),
      's',
    );
  if (!metadata.has('Detector Name')) {
    metadata.text('Detector Name', textAt(tags, 'DataBar', 'Signal Name'));
  }
  // What scans is no detector.
  if (!kind.isScanning && kind.technique === null) metadata.camera(device);
}

function addScan(metadata: MetadataBuilder, tags: DmGroup): void {
  const pixelTime = set(amountAt(tags, 'SI', 'Acquisition', 'Pixel time (s)'));
  metadata
    .number('Dwell Time', set(amountAt(tags, 'DigiScan', 'Sample Time')), 'µs')
    .number('Dwell Time', pixelTime, 's')
    .number('Scan Rotation', amountAt(tags, 'DigiScan', 'Rotation'), '°');
  if (amountAt(tags, 'DigiScan', 'Sum Frames') === 1) {
    metadata.number('Frame Count', amountAt(tags, 'DigiScan', 'Number Summing Frames'));
  }
}

function addEels(metadata: MetadataBuilder, image: DmImage, kind: DmKind): void {
  const { tags } = image;
  const conditions = ['EELS', 'Experimental Conditions'] as const;
  const spectrometer = (name: string): number | null => amountAt(tags, 'EELS Spectrometer', name);
  metadata
    .number(
      'Convergence Semi-angle',
      set(amountAt(tags, ...conditions, 'Convergence semi-angle (mrad)')),
      'mrad',
    )
    .number(
      'Collection Semi-angle',
      set(amountAt(tags, ...conditions, 'Collection semi-angle (mrad)')),
      'mrad',
    )
    .number('Exposure Time', set(amountAt(tags, 'EELS', 'Acquisition', 'Exposure (s)')), 's')
    .number('Frame Count', set(amountAt(tags, 'EELS', 'Acquisition', 'Number of frames')))
    .text('Spectrometer', textAt(tags, 'EELS Spectrometer', 'Instrument name'))
    .text('Spectrometer Aperture', textAt(tags, 'EELS Spectrometer', 'Aperture label'))
    .number('Energy Loss', spectrometer('Energy loss (eV)'), 'eV')
    .number('Drift Tube Voltage', spectrometer('Drift tube voltage (V)'), 'V');
  if (spectrometer('Slit inserted') === 1) {
    metadata.number('Slit Width', set(spectrometer('Slit width (eV)')), 'eV');
  }
  addEnergyAxis(metadata, image, kind);
  if (!metadata.has('Energy Dispersion')) {
    metadata.number('Energy Dispersion', set(spectrometer('Dispersion (eV/ch)')), 'eV');
  }
}

function addEds(metadata: MetadataBuilder, image: DmImage, kind: DmKind): void {
  const { tags } = image;
  const detector = (name: string): number | null => amountAt(tags, 'EDS', 'Detector Info', name);
  const live = set(amountAt(tags, 'EDS', 'Live time'));
  const realTime = set(amountAt(tags, 'EDS', 'Real time'));
  metadata
    .text('Detector Name', textAt(tags, 'EDS', 'Detector Info', 'Detector type'))
    .number('Azimuthal Angle', detector('Azimuthal angle'), '°')
    .number('Elevation Angle', detector('Elevation angle'), '°')
    .number('Solid Angle', set(detector('Solid angle')), 'sr')
    .number('Live Time', live, 's')
    .number('Real Time', realTime, 's')
    .number('Count Rate', amountAt(tags, 'EDS', 'Count rate'))
    .number('Exposure Time', set(amountAt(tags, 'EDS', 'Acquisition', 'Exposure (s)')), 's');
  if (live !== null && realTime !== null && live <= realTime) {
    metadata.number('Dead Time', Number((100 * (1 - live / realTime)).toPrecision(6)));
  }
  addEnergyAxis(metadata, image, kind);
  if (!metadata.has('Energy Dispersion')) {
    metadata.number(
      'Energy Dispersion',
      set(amountAt(tags, 'EDS', 'Acquisition', 'Dispersion (eV)')),
      'eV',
    );
  }
}

function addCathodoluminescence(metadata: MetadataBuilder, tags: DmGroup): void {
  const acquisition = (name: string): number | null => amountAt(tags, 'CL', 'Acquisition', name);
  metadata
    .number('Exposure Time', set(acquisition('Exposure (s)')), 's')
    .number('Frame Count', set(acquisition('Number of frames')))
    .number('Dwell Time', set(acquisition('Dwell time (s)')), 's')
    .number('Central Wavelength', set(acquisition('Central wavelength (nm)')), 'nm')
    .number(
      'Grating Density',
      set(acquisition('Dispersion grating (lines/mm)')) ??
        amountAt(tags, 'Acquisition', 'Monarc Spectrometer', 'Grating'),
    )
    .number(
      'Detector Voltage',
      set(amountAt(tags, 'Acquisition', 'Monarc Spectrometer', 'PMT HV')),
      'V',
    );
}

function addEnergyAxis(metadata: MetadataBuilder, image: DmImage, kind: DmKind): void {
  const axis = kind.spectralAxis === null ? undefined : image.calibration[kind.spectralAxis];
  if (axis?.unit !== 'eV' && axis?.unit !== 'keV') return;
  metadata
    .number('Energy Dispersion', tidy(axis.scale), axis.unit)
    .number('Energy Offset', tidy(axis.origin), axis.unit);
}

function addPixelSize(metadata: MetadataBuilder, image: DmImage, kind: DmKind): void {
  const lengthUnits: readonly string[] = ['m', 'mm', 'µm', 'um', 'nm', 'pm', 'Å', 'A'];
  const spatial = image.calibration.filter((_, axis) => axis !== kind.spectralAxis);
  const [x, y] = [spatial.at(-1), spatial.at(-2)];
  if (x !== undefined && lengthUnits.includes(x.unit))
    metadata.number('Pixel Width', tidy(x.scale), x.unit);
  if (y !== undefined && lengthUnits.includes(y.unit))
    metadata.number('Pixel Height', tidy(y.scale), y.unit);
}

function amountAt(tags: DmGroup, ...path: readonly string[]): number | null {
  const value = numberAt(tags, ...path);
  return value === null ? null : tidy(value);
}

/** Without the noise of 32-bit numbers (0.05 is stored as 0.05000000074505806) and of the vendor's conversions. */
function tidy(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === Math.fround(value) && Math.fround(value) === value
    ? short
    : Number(value.toPrecision(12));
}

/** A number that is not zero: the vendor writes 0 for what was never set. */
function set(value: number | null): number | null {
  return value === 0 ? null : value;
}

/** `200kV` in V. */
function voltageIn(text: string | null): number | null {
  const match = /^(\d+(?:\.\d+)?) ?kV$/.exec(text ?? '');
  return match?.[1] === undefined ? null : Number(match[1]) * 1000;
}

function pairAt(tags: DmGroup, ...path: readonly string[]): [number | null, number | null] {
  const value = entryAt(tags, ...path);
  if (!isList(value)) return [null, null];
  const [first, second] = value;
  return [typeof first === 'number' ? first : null, typeof second === 'number' ? second : null];
}

function isList(value: unknown): value is readonly DmValue[] {
  return Array.isArray(value);
}
