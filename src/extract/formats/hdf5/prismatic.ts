import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { attributeNumber, isList, numberOf } from './hdf5-access.js';
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
