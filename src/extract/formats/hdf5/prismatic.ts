import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { attributeNumber, isList, numberOf } from './hdf5-access.js';
import type { Hdf5Axis } from './hdf5-array.js';
import type { Hdf5File } from './hdf5-file.js';

const PARAMETERS = '/4DSTEM_simulation/metadata/metadata_0/original/simulation_parameters';

/** Whether the file was written by Prismatic, which simulates STEM. */
export function isPrismatic(file: Hdf5File): boolean {
  return file.kindOf('/4DSTEM_simulation') === 'group';
}

/** The name of a group without the four digits that number its depth; the potential has none. */
export function stackName(name: string): string {
  return name.includes('ppotential') ? name : name.replace(/\d{4}$/, '');
}

/**
 * The axis of the depths at which the wave was recorded, in angstroms: every numSlices slices, from zStart on. Where that
 * does not add up to the thickness of the cell the depths are not evenly spaced, and are counted.
 */
export function prismaticDepth(file: Hdf5File, count: number): AxisCalibration {
  const counted = { scale: 1, origin: 0, unit: '' };
  if (file.kindOf(PARAMETERS) !== 'group') return counted;
  const parameter = (name: string): number | null => attributeNumber(file, PARAMETERS, name);
  const element = (name: string, index: number): number => {
    const list = file.attribute(PARAMETERS, name);
    return isList(list) ? (numberOf(list[index]) ?? 0) : 0;
  };
  const slices = parameter('ns');
  if (slices === null) return counted;
  const scale = slices * (parameter('s') ?? 1);
  const start = parameter('zs') ?? 0;
  const thickness = element('t', 2) * element('c', 0);
  if (!(Math.abs(thickness - count * scale) <= 1e-4 * thickness)) return counted;
  return { scale, origin: start === 0 ? scale : start, unit: 'Å' };
}

/**
 * The unit that the numbers of an axis are in, where that is another one than the file says and can be shown; else null.
 * Prismatic writes `[n_m]`, `[n_m^-1]` and `[mrad]` as constants, yet the numbers are those that it calculates with: Å, 1/Å
 * and rad. Its parameters are in Å and mrad, so an axis whose numbers are those of the parameters gives itself away.
 */
export function prismaticUnit(file: Hdf5File, { scale, length, unit }: Hdf5Axis): string | null {
  if (file.kindOf(PARAMETERS) !== 'group') return null;
  const numbers = (name: string): number[] => {
    const value = file.attribute(PARAMETERS, name);
    return (isList(value) ? value : [value]).flatMap((entry) => numberOf(entry) ?? []);
  };
  const isOneOf = (value: number, stated: readonly number[]): boolean =>
    stated.some((one) => Math.abs(value - one) <= 1e-4 * one);
  const cells = numbers('t').flatMap((tiles) => numbers('c').map((side) => tiles * side));
  switch (unit) {
    case 'nm':
      return isOneOf(scale, [...numbers('rx'), ...numbers('ry')]) || isOneOf(scale * length, cells)
        ? 'Å'
        : null;
    case '1/nm':
      return isOneOf(1 / scale, cells) ? '1/Å' : null;
    case 'mrad':
      return isOneOf(scale * 1000, numbers('d')) ? 'rad' : null;
    default:
      return null;
  }
}

/** The settings of the simulation that a microscope has too. */
export function addPrismaticMetadata(file: Hdf5File, metadata: MetadataBuilder): void {
  metadata.text('Acquisition Software', 'Prismatic').text('Data Type', 'STEM_Simulation');
  if (file.kindOf(PARAMETERS) !== 'group') return;
  const parameter = (name: string): number | null => {
    const value = attributeNumber(file, PARAMETERS, name);
    // The numbers are of 32 bits.
    return value === null ? null : Number(value.toPrecision(7));
  };
  metadata
    .number('Acceleration Voltage', parameter('E'), 'kV')
    .number('Convergence Semi-angle', parameter('sa'), 'mrad')
    .number('Defocus', parameter('df'), 'Å');
}
