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
  scaleInBox,
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
/** Of places without a frame, which must not look like a saturated one. */
const EMPTY_GREY = 208;

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
  const cells: Cell[] = [];
  const failures: Failure[] = [];
  // Chosen by the first frame that can be read.
  let grid: Grid | null = null;
  // Kept until there is a second one: a frame that stays alone is drawn large.
  let alone: FrameSource | null = null;
  for (const index of spread(source.count, most)) {
    try {
      const frame = source.frameAt(index);
      const room: Grid = grid ?? gridFor(frame, most, side, labelBoxWidth(source.count));
      cells.push({ index, frame: await reduceFrame(frame, room) });
      grid = room;
      alone = cells.length === 1 ? frame : null;
    } catch (error) {
      failures.push(failureOf(index, error));
    }
  }
  if (grid === null) throw firstOf(failures);
  warnOf(failures, source.count, warn);
  return alone === null ? montageOf(cells, grid) : drawFrame(alone, side);
}

/** Places for frames, as many side by side as there are columns; sides in pixels. */
interface Grid {
  readonly columns: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
}

/**
 * The grid inside a square in which frames of one shape are drawn largest; of several the one whose longest side is shortest,
 * then the widest. Frames whose size is not known yet count as square.
 */
function gridFor(frame: FrameSource, count: number, side: number, leastWidth: number): Grid {
  const { width, height } = frame.kind === 'image' ? frame : { width: side, height: side };
  const mostColumns = Math.max(1, Math.min(count, Math.floor(side / leastWidth)));
  const gridOf = (columns: number): Grid & { scale: number; longest: number } => {
    const rows = Math.ceil(count / columns);
    const cellWidth = Math.floor(side / columns);
    const cellHeight = Math.floor(side / rows);
    const scale = scaleInBox(width, height, cellWidth, cellHeight);
    const longest = scale * Math.max(columns * width, rows * height);
    return { columns, cellWidth, cellHeight, scale, longest };
  };
  let best = gridOf(mostColumns);
  for (let columns = mostColumns - 1; columns >= 1; columns -= 1) {
    const grid = gridOf(columns);
    const isLarger = grid.scale > best.scale;
    if (isLarger || (grid.scale === best.scale && grid.longest < best.longest)) best = grid;
  }
  return best;
}

async function reduceFrame(
  frame: FrameSource,
  { cellWidth, cellHeight }: Grid,
): Promise<ReducedImage | DecodedPicture> {
  return frame.kind === 'image'
    ? reduceImage(frame, cellWidth, cellHeight)
    : decodePicture(frame, Math.min(cellWidth, cellHeight));
}

/** Room that the number of a frame takes with its margins, pixels. */
function labelBoxWidth(number: number): number {
  const width = glyphSheet(LABEL_CELL_WIDTH).widthOf(String(number));
  return width + 2 * (LABEL_MARGIN + LABEL_PADDING);
}

/** The frames row by row, with their numbers; what belongs to the first one's scale bar is drawn on it. */
function montageOf(cells: readonly Cell[], { columns, cellWidth, cellHeight }: Grid): Raster {
  const contrast = commonContrast(cells.flatMap(({ frame }) => ('values' in frame ? [frame] : [])));
  const sheet = glyphSheet(LABEL_CELL_WIDTH);
  const rasters = cells.map(({ frame }) =>
    enlarge('values' in frame ? rasterOf(frame, contrast) : frame, cellWidth, cellHeight),
  );
  const labels = cells.map(({ index }) => String(index + 1));
  const width = Math.max(
    labelBoxWidth((cells.at(-1)?.index ?? 0) + 1),
    ...rasters.map((raster) => raster.width),
  );
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
  montage.data.fill(EMPTY_GREY);
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
