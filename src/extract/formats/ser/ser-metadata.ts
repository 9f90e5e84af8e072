import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { elementAt, xmlTextAt } from '../xml/xml-tree.js';
import { emiValues, type EmiObject, type EmiValue } from './emi-objects.js';

/** What a series is, as far as its document tells. */
export interface SerKind {
  readonly mode: 'TEM' | 'STEM';
  readonly technique: 'EDS' | 'EELS' | null;
}

/** Labels of numbers, with the unit that TIA writes them in and ours. */
const NUMBERS: readonly (readonly [
  label: string,
  written: string,
  name: MetadataName,
  unit?: string,
])[] = [
  ['High tension', 'kV', 'Acceleration Voltage', 'kV'],
  ['Extraction voltage', 'V', 'Extraction Voltage', 'V'],
  ['Emission', 'uA', 'Emission Current', 'µA'],
  ['Defocus', 'um', 'Defocus', 'µm'],
  ['Magnification', 'x', 'Magnification'],
  ['Spot size', '', 'Beam Spot Size'],
  ['Stage X', 'um', 'Stage X', 'µm'],
  ['Stage Y', 'um', 'Stage Y', 'µm'],
  ['Stage Z', 'um', 'Stage Z', 'µm'],
  ['Stage A', 'deg', 'Stage Alpha', '°'],
  ['Stage B', 'deg', 'Stage Beta', '°'],
  ['C1 Aperture', 'um', 'C1 Aperture', 'µm'],
  ['C2 Aperture', 'um', 'C2 Aperture', 'µm'],
  ['C3 Aperture', 'um', 'C3 Aperture', 'µm'],
  ['OBJ Aperture', 'um', 'Objective Aperture', 'µm'],
  ['SA Aperture', 'um', 'Selected Area Aperture', 'µm'],
  ['Camera length', 'm', 'Camera Length', 'm'],
  ['Stem rotation', 'deg', 'Scan Rotation', '°'],
];
/** The same for the energy filter, which matters to EELS alone. */
const FILTER_NUMBERS: typeof NUMBERS = [
  ['Filter drift tube', 'eV', 'Drift Tube Voltage', 'V'],
  ['Filter total energy loss', 'eV', 'Energy Loss', 'eV'],
];
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Longer text is no number (and would cost the pattern too much time). */
const MAX_NUMBER_LENGTH = 64;

/** What the series is: by the mode of the microscope and by what the detector recorded of itself. */
export function serKindOf(object: EmiObject | null): SerKind {
  if (object === null) return { mode: 'TEM', technique: null };
  const mode = emiValues(object).find(({ label }) => label === 'Mode')?.value ?? '';
  const settings = elementAt(object.xml, 'AcquireInfo');
  const isEds = elementAt(settings, 'ShapingTime') !== undefined;
  const isEels = elementAt(settings, 'GainCorrection') !== undefined;
  return {
    mode: mode.includes('STEM') ? 'STEM' : 'TEM',
    technique: isEds ? 'EDS' : isEels ? 'EELS' : null,
  };
}

/** Adds what the document says of a series; values that should be numbers and are not are said in `warnings`. */
export function addEmiMetadata(
  metadata: MetadataBuilder,
  object: EmiObject,
  { technique }: SerKind,
  warnings: string[],
): void {
  const values = emiValues(object);
  const text = (label: string): string | undefined =>
    values.find((entry) => entry.label === label)?.value;
  const voltage = numberOf(
    xmlTextAt(object.xml, 'ExperimentalConditions', 'MicroscopeConditions', 'AcceleratingVoltage'),
  );
  metadata
    .text('Microscope', text('Microscope')?.replace(/^Microscope /, ''))
    .text('Operator', text('User'))
    .text('Operation Mode', text('Mode'))
    .number('Acceleration Voltage', voltage, 'V');
  addNumbers(metadata, NUMBERS, values, warnings);
  if (technique === 'EELS') {
    addNumbers(metadata, FILTER_NUMBERS, values, warnings);
    metadata.text('Spectrometer Aperture', text('Filter selected aperture'));
    const slit = values.filter(({ label }) => label === 'Filter slit width');
    if (text('Filter slit state') === 'Inserted') {
      addNumbers(metadata, [['Filter slit width', 'eV', 'Slit Width', 'eV']], slit, warnings);
    }
  }
  addSettings(metadata, object);
}

function addNumbers(
  metadata: MetadataBuilder,
  table: typeof NUMBERS,
  values: readonly EmiValue[],
  warnings: string[],
): void {
  for (const [label, written, name, unit] of table) {
    const entry = values.find((value) => value.label === label && value.unit === written);
    if (entry === undefined || entry.value === '') continue;
    const number = numberOf(entry.value);
    if (number === null) {
      warnings.push(`${label} in the .emi file is not a number: ${entry.value.slice(0, 80)}`);
    } else metadata.number(name, number, unit);
  }
}

/** How the detector was set. Times are in s, the shaping time in µs. */
function addSettings(metadata: MetadataBuilder, { xml }: EmiObject): void {
  const settings = elementAt(xml, 'AcquireInfo');
  const amount = (name: string): number | null => numberOf(xmlTextAt(settings, name));
  const camera = xmlTextAt(settings, 'CameraNamePath');
  const binning = amount('Binning');
  metadata
    .camera(camera)
    .number(camera === null ? 'Dwell Time' : 'Exposure Time', amount('DwellTimePath'), 's')
    .number('Frame Time', amount('FrameTime'), 's')
    .number('Binning X', binning)
    .number('Binning Y', binning)
    .number('Exposure Time', amount('IntegrationTime'), 's')
    .number('Amplifier Time Constant', amount('ShapingTime'), 'µs');
}

function numberOf(text: string | null): number | null {
  if (text === null || text.length > MAX_NUMBER_LENGTH || !NUMBER.test(text)) return null;
  return Number(text);
}
