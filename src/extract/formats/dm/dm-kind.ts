import type { DatasetRole, DatasetType } from '../../../domain/file-metadata.js';
import type { DmImage } from './dm-images.js';
import { entryAt, textAt } from './dm-tree.js';

/** What an image is, as far as its tags tell. */
export interface DmKind {
  readonly type: DatasetType;
  readonly role: DatasetRole;
  readonly mode: 'TEM' | 'STEM' | 'SEM';
  readonly technique: 'EELS' | 'EDS' | 'CL' | null;
  /** As the file names it, or what follows from its tags. */
  readonly signal: string | null;
  readonly isDiffraction: boolean;
  readonly isScanning: boolean;
  /** Harmonised `Data Type`: TEM_Imaging, STEM_EELS_Spectrum_Imaging... */
  readonly dataType: string;
  /** Index in `shape` and `calibration` of the energy or wavelength axis; null: none. */
  readonly spectralAxis: number | null;
}

const ENERGY_UNITS: readonly string[] = ['eV', 'keV'];
const WAVELENGTH_UNITS: readonly string[] = ['nm', 'µm', 'um'];
const RECIPROCAL_UNIT = /^(1\/(nm|Å|A|pm|µm|um|m)|(nm|Å|A)(\^-1|-1|⁻¹)|mrad|rad)$/;

/**
 * Classifies an image: by Meta Data where the file has it, else by its axes and microscope modes. In STEM the imaging
 * mode DIFFRACTION is that of ordinary images, so it counts only where nothing is scanned.
 */
export function dmKindOf(image: DmImage): DmKind {
  const { tags } = image;
  const format = textAt(tags, 'Meta Data', 'Format')?.toLowerCase() ?? null;
  const illumination = textAt(tags, 'Microscope Info', 'Illumination Mode') ?? '';
  const operation = textAt(tags, 'Microscope Info', 'Operation Mode') ?? '';
  const imaging = textAt(tags, 'Microscope Info', 'Imaging Mode') ?? '';
  const hasDigiScan = entryAt(tags, 'DigiScan') !== undefined;
  const isScanning = /SCANNING/i.test(operation) || /STEM|SEM/.test(illumination) || hasDigiScan;
  const mode = illumination.includes('SEM') ? 'SEM' : isScanning ? 'STEM' : 'TEM';
  const technique = techniqueOf(image);
  const spectralAxis = spectralAxisOf(image, format, technique);
  const isDiffraction =
    (format?.startsWith('diffraction') ?? false) ||
    (spectralAxis === null &&
      !isScanning &&
      (/DIFFRACTION/i.test(imaging) || /DIFFRACTION/i.test(operation))) ||
    isReciprocal(image);
  const type = typeOf(image, spectralAxis, isDiffraction);
  return {
    type,
    // Microscopes record real numbers; complex ones are the outcome of a calculation.
    role: image.format?.dtype.startsWith('complex') === true ? 'Derived' : 'Experimental',
    mode,
    technique,
    signal: textAt(tags, 'Meta Data', 'Signal') ?? technique,
    isDiffraction,
    isScanning,
    dataType: `${mode}_${dataTypeOf(type, technique)}`,
    spectralAxis,
  };
}

function techniqueOf({ tags }: DmImage): DmKind['technique'] {
  const signal = textAt(tags, 'Meta Data', 'Signal');
  if (signal === 'X-ray') return 'EDS';
  if (signal === 'EELS') return 'EELS';
  if (signal === 'CL' || entryAt(tags, 'Acquisition', 'Monarc Spectrometer') !== undefined)
    return 'CL';
  if (signal !== null) return null;
  // Orsay Physics' spectrum images have tags of their own.
  if (entryAt(tags, 'spim', 'eels') !== undefined) return 'EELS';
  return null;
}

function dataTypeOf(type: DatasetType, technique: DmKind['technique']): string {
  switch (type) {
    case 'Spectrum':
      return technique ?? 'Spectrum';
    case 'SpectrumImage':
      return technique === null ? 'Spectrum_Imaging' : `${technique}_Spectrum_Imaging`;
    case 'Diffraction':
      return 'Diffraction';
    default:
      return technique === 'CL' ? 'CL_Imaging' : 'Imaging';
  }
}

function typeOf(image: DmImage, spectralAxis: number | null, isDiffraction: boolean): DatasetType {
  if (spectralAxis !== null) {
    const positions = image.shape.reduce(
      (product, length, axis) => (axis === spectralAxis ? product : product * length),
      1,
    );
    return positions > 1 || image.shape.length > 2 ? 'SpectrumImage' : 'Spectrum';
  }
  return isDiffraction ? 'Diffraction' : 'Image';
}

/**
 * The energy or wavelength axis. Spectrum images have it as the slowest axis, line scans and spectra as the fastest,
 * unless only another axis has a fitting unit.
 */
function spectralAxisOf(
  image: DmImage,
  format: string | null,
  technique: DmKind['technique'],
): number | null {
  const axes = image.shape.length;
  if (image.format?.layout === 'colour') return null;
  const units = technique === 'CL' ? [...ENERGY_UNITS, ...WAVELENGTH_UNITS] : ENERGY_UNITS;
  const fitting = image.calibration.flatMap(({ unit }, axis) =>
    units.includes(unit) ? [axis] : [],
  );
  const usual = axes > 2 ? 0 : axes - 1;
  const saysSpectra =
    format === 'spectrum' ||
    format === 'spectrum image' ||
    entryAt(image.tags, 'spim') !== undefined;
  if (axes === 1) return 0;
  if (format !== null && !saysSpectra) return null;
  if (!saysSpectra && !fitting.some((axis) => isEnergy(image, axis))) return null;
  return fitting.includes(usual) ? usual : (fitting[0] ?? usual);
}

function isEnergy(image: DmImage, axis: number): boolean {
  return ENERGY_UNITS.includes(image.calibration[axis]?.unit ?? '');
}

/** A picture in reciprocal space whose tags are gone; transforms of pictures are told by their name or numbers. */
function isReciprocal(image: DmImage): boolean {
  const [y, x] = image.calibration.slice(-2);
  return (
    x !== undefined &&
    y !== undefined &&
    RECIPROCAL_UNIT.test(x.unit) &&
    RECIPROCAL_UNIT.test(y.unit) &&
    image.format?.layout === 'real' &&
    !/\bFFT\b/i.test(image.name ?? '')
  );
}
