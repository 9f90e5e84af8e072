import { digitalMicrographVendor } from './digital-micrograph.js';
import { feiTemVendor } from './fei-tem.js';
import { feiVendor } from './fei.js';
import { fluoviewVendor } from './fluoview.js';
import { hamamatsuVendor } from './hamamatsu.js';
import { hitachiVendor } from './hitachi.js';
import { imagejVendor } from './imagej.js';
import { jeolSemVendor } from './jeol-sem.js';
import { jeolSightxVendor } from './jeol-sightx.js';
import { metamorphStackVendor, metaseriesVendor } from './metamorph.js';
import { microManagerVendor } from './micro-manager.js';
import { olympusSisVendor } from './olympus-sis.js';
import { omeVendor } from './ome.js';
import { tescanVendor } from './tescan.js';
import type { TiffVendor } from './tiff-vendor.js';
import { tvipsVendor } from './tvips.js';
import { zeissLsmVendor } from './zeiss-lsm.js';
import { fibicsVendor, zeissOrionVendor } from './zeiss-orion.js';
import { zeissSemVendor } from './zeiss-sem.js';

/**
 * Every vendor, in the order in which they are asked: the first that answers describes the file. Those with tags of
 * their own come first, then those that are known by a description, last those that only a companion tells.
 */
export const TIFF_VENDORS: readonly TiffVendor[] = [
  feiVendor,
  feiTemVendor,
  zeissOrionVendor,
  fibicsVendor,
  zeissSemVendor,
  digitalMicrographVendor,
  tvipsVendor,
  olympusSisVendor,
  zeissLsmVendor,
  fluoviewVendor,
  metamorphStackVendor,
  microManagerVendor,
  jeolSightxVendor,
  hamamatsuVendor,
  metaseriesVendor,
  omeVendor,
  imagejVendor,
  tescanVendor,
  jeolSemVendor,
  hitachiVendor,
];
