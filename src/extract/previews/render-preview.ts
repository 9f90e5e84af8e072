import type { PreviewSource } from '../extractor.js';
import { drawEncoded } from './encoded-preview.js';
import { encodePng } from './encode-png.js';
import { drawImage } from './image-preview.js';
import { createRaster, outlineRectangle, pasteRaster, type Ink, type Raster } from './raster.js';
import { drawSpectrum } from './spectrum-preview.js';
import { drawStack, type StackView } from './stack-preview.js';
import { drawText } from './text-preview.js';

/** Longest side of an image, pixels: detectors of 512, 1024, 2048... are shown whole or reduced by a whole factor. */
const IMAGE_SIZE = 512;
/** Width of a drawing, pixels. */
const DRAWING_SIZE = 500;
const SPECTRUM_HEIGHT = 320;
const SPECTRUM_IMAGE_HEIGHT = 270;
/** Width that the map of a spectrum image takes, pixels. */
const NAVIGATION_WIDTH = 220;
const GAP = 8;
/** Around the map, whose brightest pixels are as white as the page. */
const MAP_OUTLINE: Ink = { red: 128, green: 128, blue: 128 };

/** Stacks are shown whole unless somebody says otherwise. */
const ALL_FRAMES: StackView = { show: 'montage', mostBytes: Infinity, warn: () => undefined };

/**
 * Draws a preview. The same source gives the same bytes.
 * @param stacks How stacks are shown; without, as a montage.
 * @returns A PNG, its longest side at most 512 pixels.
 * @throws AppError FORMAT_INVALID when the source contradicts itself; the decoder's error for a picture that cannot be decoded.
 */
export async function renderPreview(
  source: PreviewSource,
  stacks: StackView = ALL_FRAMES,
): Promise<Buffer> {
  switch (source.kind) {
    case 'image':
      return encodePng(drawImage(source, IMAGE_SIZE, IMAGE_SIZE), 'photograph');
    case 'stack':
      return encodePng(await drawStack(source, IMAGE_SIZE, stacks), 'photograph');
    case 'spectrum':
      return encodePng(drawSpectrum(source, DRAWING_SIZE, SPECTRUM_HEIGHT), 'drawing');
    case 'spectrum-image':
      return encodePng(drawSpectrumImage(source), 'drawing');
    case 'encoded':
      return encodePng(await drawEncoded(source, IMAGE_SIZE), 'photograph');
    case 'text':
      return encodePng(drawText(source.lines, DRAWING_SIZE, DRAWING_SIZE), 'drawing');
  }
}

/** The map on the left, the sum spectrum on the right. */
function drawSpectrumImage(source: Extract<PreviewSource, { kind: 'spectrum-image' }>): Raster {
  const raster = createRaster(DRAWING_SIZE, SPECTRUM_IMAGE_HEIGHT, 3);
  const room = { width: NAVIGATION_WIDTH - 2 * GAP, height: SPECTRUM_IMAGE_HEIGHT - 2 * GAP };
  const navigation = drawImage(source.navigation, room.width, room.height);
  const left = GAP + Math.floor((room.width - navigation.width) / 2);
  const top = GAP + Math.floor((room.height - navigation.height) / 2);
  outlineRectangle(raster, left, top, navigation.width, navigation.height, MAP_OUTLINE);
  pasteRaster(raster, navigation, left, top);
  const spectrum = drawSpectrum(
    source.spectrum,
    DRAWING_SIZE - NAVIGATION_WIDTH,
    SPECTRUM_IMAGE_HEIGHT,
  );
  pasteRaster(raster, spectrum, NAVIGATION_WIDTH, 0);
  return raster;
}
