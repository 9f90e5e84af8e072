import type { StackPreview } from '../../domain/stack-preview.js';
import { isAppError, toError } from '../../errors.js';
import type { FrameSource, PreviewSource } from '../extractor.js';
import { decodePicture, drawEncoded, type DecodedPicture } from './encoded-preview.js';
import { glyphSheet, LABEL_CELL_WIDTH } from './glyph-sheet.js';
import {
  commonContrast,
  drawImage,
  enlarge,
  rasterOf,
  reduceImage,
  withScaleBar,
  type ReducedImage,
} from './image-preview.js';
import { BLACK, createRaster, fillRectangle, pasteRaster, WHITE, type Raster } from './raster.js';

/** Frames of a montage. */
const MOST_FRAMES = 9;
const LABEL_MARGIN = 3;
const LABEL_PADDING = 2;
const LABEL_COVERAGE = 140;
/** Between two frames, pixels; drawn over their edges, so that frames of 512 pixels are halved and not cut to a third. */
const LINE = 2;

type StackSource = Extract<PreviewSource, { kind: 'stack' }>;

/** How a stack is shown. */
export interface StackView {
  readonly show: StackPreview;
  /** What the frames that are shown may take together; the first one is shown whatever it takes. */
  readonly mostBytes: number;
  /** Takes a sentence about frames that cannot be shown. */
  readonly warn: (sentence: string) => void;
}

/** A frame of a montage, reduced to its place. */
interface Cell {
  /** From 0. */
  readonly index: number;
  readonly frame: ReducedImage | DecodedPicture;
}

/**
 * A stack as raster inside a square: up to 9 frames spread evenly, the first and the last among them, each with its number
 * (from 1), in one contrast; or one frame. Frames that cannot be read are passed over, with a warning.
 * @throws what reading the frames throws when none can be read, AppError FILE_UNREADABLE at once.
 */
export async function drawStack(
  source: StackSource,
  side: number,
  view: StackView,
): Promise<Raster> {
  const affordable = Math.floor(view.mostBytes / Math.max(1, source.frameBytes));
  const most = Math.max(1, Math.min(MOST_FRAMES, source.count, affordable));
  return view.show === 'montage' && most > 1
    ? drawMontage(source, side, most, view)
    : drawOneFrame(source, side, view);
}

/** Indices of some frames, evenly spread; of one the first. */
function spread(count: number, wanted: number): number[] {
  return Array.from({ length: wanted }, (_, at) =>
    wanted === 1 ? 0 : Math.round((at * (count - 1)) / (wanted - 1)),
  );
}

/** The frame that is wanted, or the nearest one of some that can be read. */
async function drawOneFrame(
  source: StackSource,
  side: number,
  { show, warn }: StackView,
): Promise<Raster> {
  const last = source.count - 1;
  const wanted = show === 'last' ? last : show === 'middle' ? Math.floor(last / 2) : 0;
  const others = spread(source.count, Math.min(MOST_FRAMES, source.count))
    .filter((index) => index !== wanted)
    .sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted));
  const failures: Failure[] = [];
  for (const index of [wanted, ...others]) {
    try {
      const raster = await drawFrame(source.frameAt(index), side);
      warnOf(failures, source.count, warn);
      return raster;
    } catch (error) {
      failures.push(failureOf(index, error));
    }
  }
  throw firstOf(failures);
}

async function drawFrame(frame: FrameSource, side: number): Promise<Raster> {
  return frame.kind === 'image' ? drawImage(frame, side, side) : drawEncoded(frame, side);
}

async function drawMontage(
  source: StackSource,
  side: number,
  most: number,
  { warn }: StackView,
): Promise<Raster> {
  const columns = Math.ceil(Math.sqrt(most));
  const cellSide = Math.floor(side / columns);
  const cells: Cell[] = [];
  const failures: Failure[] = [];
  // Kept until there is a second one: a frame that stays alone is drawn large.
  let alone: FrameSource | null = null;
  for (const index of spread(source.count, most)) {
    try {
      const frame = source.frameAt(index);
      cells.push({ index, frame: await reduceFrame(frame, cellSide) });
      alone = cells.length === 1 ? frame : null;
    } catch (error) {
      failures.push(failureOf(index, error));
    }
  }
  if (cells.length === 0) throw firstOf(failures);
  warnOf(failures, source.count, warn);
  return alone === null ? montageOf(cells, columns, cellSide) : drawFrame(alone, side);
}

async function reduceFrame(
  frame: FrameSource,
  side: number,
): Promise<ReducedImage | DecodedPicture> {
  return frame.kind === 'image' ? reduceImage(frame, side, side) : decodePicture(frame, side);
}

/** The frames row by row, with their numbers; what belongs to the first one's scale bar is drawn on it. */
function montageOf(cells: readonly Cell[], columns: number, cellSide: number): Raster {
  const contrast = commonContrast(cells.flatMap(({ frame }) => ('values' in frame ? [frame] : [])));
  const sheet = glyphSheet(LABEL_CELL_WIDTH);
  const rasters = cells.map(({ frame }) =>
    enlarge('values' in frame ? rasterOf(frame, contrast) : frame, cellSide, cellSide),
  );
  const labels = cells.map(({ index }) => String(index + 1));
  const labelWidth = sheet.widthOf(labels.at(-1) ?? '') + 2 * (LABEL_MARGIN + LABEL_PADDING);
  const width = Math.max(labelWidth, ...rasters.map((raster) => raster.width));
  const height = Math.max(
    sheet.cellHeight + 2 * LABEL_MARGIN,
    ...rasters.map((raster) => raster.height),
  );
  const [first] = cells;
  const [firstRaster] = rasters;
  if (first !== undefined && firstRaster !== undefined) {
    withScaleBar(firstRaster, first.frame);
  }
  const across = Math.min(columns, cells.length);
  const down = Math.ceil(cells.length / across);
  const channels = rasters.some((raster) => raster.channels === 3) ? 3 : 1;
  const montage = createRaster(width * across, height * down, channels);
  rasters.forEach((raster, place) => {
    const left = (place % across) * width;
    const top = Math.floor(place / across) * height;
    pasteRaster(
      montage,
      raster,
      left + Math.floor((width - raster.width) / 2),
      top + Math.floor((height - raster.height) / 2),
    );
  });
  for (let column = 1; column < across; column += 1) {
    fillRectangle(montage, column * width - LINE / 2, 0, LINE, montage.height, WHITE);
  }
  for (let row = 1; row < down; row += 1) {
    fillRectangle(montage, 0, row * height - LINE / 2, montage.width, LINE, WHITE);
  }
  labels.forEach((label, place) => {
    const left = (place % across) * width + LABEL_MARGIN;
    const top = Math.floor(place / across) * height + LABEL_MARGIN;
    const boxWidth = sheet.widthOf(label) + 2 * LABEL_PADDING;
    fillRectangle(montage, left, top, boxWidth, sheet.cellHeight, BLACK, LABEL_COVERAGE);
    sheet.draw(montage, label, left + LABEL_PADDING, top, WHITE);
  });
  return montage;
}

/** A frame that could not be shown, and why. */
interface Failure {
  /** From 0. */
  readonly index: number;
  readonly error: Error;
}

/** @throws AppError FILE_UNREADABLE: the file system failed, which is no fault of the frame. */
function failureOf(index: number, error: unknown): Failure {
  if (isAppError(error) && error.code === 'FILE_UNREADABLE') throw error;
  return { index, error: toError(error) };
}

function firstOf(failures: readonly Failure[]): Error {
  return failures[0]?.error ?? new Error('The stack has no frame.');
}

function warnOf(
  failures: readonly Failure[],
  count: number,
  warn: (sentence: string) => void,
): void {
  const [first] = failures;
  if (first === undefined) return;
  const numbers = failures.map(({ index }) => index + 1).join(', ');
  const frames = failures.length === 1 ? `Frame ${numbers}` : `Frames ${numbers}`;
  warn(`${frames} of ${count} cannot be shown: ${first.error.message}`);
}
