import type { PixelArray, PixelSize, PreviewSource } from '../../extractor.js';

/** A spectrum image summed over its channels and over its positions. */
export interface SpectrumSums {
  /** Row by row, one sum over all channels a position. */
  readonly map: Float64Array;
  /** One sum over all positions a channel. */
  readonly spectrum: Float64Array;
}

/** The axis of a spectrum as its preview shows it. */
export interface SpectrumAxis {
  readonly origin: number;
  readonly scale: number;
  readonly unit: string;
}

/** Positions and channels of a spectrum image that a preview sums; more are not held in memory. */
export const MAX_POSITIONS = 1 << 22;
export const MAX_CHANNELS = 1 << 20;

/** Empty sums. */
export function spectrumSums(positions: number, channels: number): SpectrumSums {
  return { map: new Float64Array(positions), spectrum: new Float64Array(channels) };
}

/** Adds whole spectra that lie one after another, the first of them at `position`. Values that are not finite do not count. */
export function addSpectra(sums: SpectrumSums, position: number, values: PixelArray): void {
  const { map, spectrum } = sums;
  const channels = spectrum.length;
  for (let start = 0; start < values.length; start += channels) {
    const end = Math.min(values.length, start + channels);
    let total = 0;
    for (let index = start; index < end; index += 1) {
      const value = Number(values[index]);
      // True for finite numbers alone.
      if (value - value === 0) {
        const channel = index - start;
        spectrum[channel] = (spectrum[channel] ?? 0) + value;
        total += value;
      }
    }
    const at = position + start / channels;
    if (at < map.length) map[at] = (map[at] ?? 0) + total;
  }
}

/** The preview's source of one spectrum over energy. */
export function energySpectrum(
  values: PixelArray,
  { origin, scale, unit }: SpectrumAxis,
  xLabel = 'Energy',
): Extract<PreviewSource, { kind: 'spectrum' }> {
  return {
    kind: 'spectrum',
    values,
    origin,
    scale,
    xLabel,
    xUnit: unit,
    yLabel: 'Counts',
    yUnit: '',
  };
}

/** The preview's source of a summed spectrum image. */
export function summedPreview(
  { map, spectrum }: SpectrumSums,
  navigation: {
    readonly width: number;
    readonly height: number;
    readonly pixelSize: PixelSize | null;
  },
  axis: SpectrumAxis,
  xLabel?: string,
): PreviewSource {
  return {
    kind: 'spectrum-image',
    navigation: { kind: 'image', ...navigation, pixels: map, channels: 1, stretch: 'percentile' },
    spectrum: energySpectrum(spectrum, axis, xLabel),
  };
}
