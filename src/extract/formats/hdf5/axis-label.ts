import type { Hdf5Axis } from './hdf5-array.js';

const ENERGY_UNITS: readonly string[] = ['eV', 'keV'];

/** What is written below a curve over a spectral axis: the name that the file gives the axis, if it is calibrated. */
export function spectralLabel(axis: Hdf5Axis | undefined): string {
  if (axis === undefined || !isCalibrated(axis)) return 'Channel';
  const name = titleOf(axis);
  // An energy is one, also if the file calls it `x`.
  if (ENERGY_UNITS.includes(axis.unit)) return /energy|loss/i.test(name) ? name : 'Energy';
  return name === '' ? 'Signal axis' : name;
}

/** What is written below a curve over any other axis. */
export function positionLabel(axis: Hdf5Axis | undefined): string {
  if (axis === undefined || !isCalibrated(axis)) return 'Index';
  const name = titleOf(axis);
  return name === '' ? 'Position' : name;
}

function isCalibrated({ scale, origin, unit }: Hdf5Axis): boolean {
  return unit !== '' || scale !== 1 || origin !== 0;
}

/** A name as a label; those of one or two letters may be symbols, whose case matters. */
function titleOf({ name = '' }: Hdf5Axis): string {
  const words = name.replaceAll('_', ' ').trim();
  return /^\p{Ll}{3}/u.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words;
}
