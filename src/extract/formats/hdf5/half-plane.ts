import type { ImageSource } from './hdf5-preview.js';

/**
 * The magnitudes of a Fourier transform of real values as people look at them: whole, and frequency zero in the centre.
 * Stored is the half without negative frequencies of x, frequency zero at the upper left; the other half is its mirror
 * image through frequency zero.
 * @param half stored magnitudes, one channel
 * @param isEven whether the picture that was transformed is an even number of pixels wide
 */
export function wholeTransform(half: ImageSource, isEven: boolean): ImageSource {
  const { width: stored, height } = half;
  const width = Math.max(1, 2 * stored - (isEven ? 2 : 1));
  const [zeroX, zeroY] = [Math.floor(width / 2), Math.floor(height / 2)];
  const isDouble = half.pixels instanceof Float64Array;
  const pixels = new (isDouble ? Float64Array : Float32Array)(width * height);
  for (let row = 0; row < height; row += 1) {
    const upright = (row - zeroY + height) % height;
    const mirrored = (zeroY - row + height) % height;
    for (let column = 0; column < width; column += 1) {
      const x = column - zeroX;
      const from = x < 0 ? mirrored * stored - x : upright * stored + x;
      pixels[row * width + column] = Number(half.pixels[from] ?? 0);
    }
  }
  return { ...half, width, pixels };
}
