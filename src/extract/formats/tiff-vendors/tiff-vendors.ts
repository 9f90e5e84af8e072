import { feiVendor } from './fei.js';
import type { TiffVendor } from './tiff-vendor.js';

/** Every vendor, in the order in which they are asked: the first that answers describes the file. */
export const TIFF_VENDORS: readonly TiffVendor[] = [feiVendor];
