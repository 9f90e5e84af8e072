import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { AppError } from '../../src/errors.js';
import type { FrameSource, PreviewSource } from '../../src/extract/extractor.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import type { StackView } from '../../src/extract/previews/stack-preview.js';
import { imageSource, pictureOf, type Picture } from '../support/preview-picture.js';

type StackSource = Extract<PreviewSource, { kind: 'stack' }>;

const SIDE = 64;

/** A stack of even frames, each of its own value, that counts what is asked for. */
function evenStack(
  count: number,
  valueOf: (index: number) => number = (index) => index,
  changes: Partial<StackSource> = {},
): { readonly source: StackSource; readonly asked: number[] } {
  const asked: number[] = [];
  const frameAt = (index: number): FrameSource => {
    asked.push(index);
    return imageSource(SIDE, SIDE, new Int32Array(SIDE * SIDE).fill(valueOf(index)));
  };
  return {
    source: { kind: 'stack', count, frameBytes: SIDE * SIDE * 4, frameAt, ...changes },
    asked,
  };
}

function view(changes: Partial<StackView> = {}): StackView & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    show: 'montage',
    mostBytes: 1e9,
    warn: (sentence) => warnings.push(sentence),
    ...changes,
    warnings,
  };
}

/** The grey in the middle of each cell of a montage. */
function cellsOf(picture: Picture, across: number, down: number): (number | undefined)[] {
  return Array.from({ length: across * down }, (_, place) => {
    const x = ((place % across) + 0.5) * (picture.width / across);
    const y = (Math.floor(place / across) + 0.5) * (picture.height / down);
    return picture.at(Math.floor(x), Math.floor(y))[0];
  });
}

/** The frames that greys between 0 and 255 stand for, where values rise evenly from 0 to `last`. */
function framesShown(cells: readonly (number | undefined)[], last: number): number[] {
  return cells.map((grey = NaN) => Math.round((grey / 255) * last));
}

describe('montages of stacks', () => {
  test('two frames stand side by side', async () => {
    const { source } = evenStack(2);
    const picture = await pictureOf(source);
    expect([picture.width, picture.height]).toStrictEqual([512, 256]);
    expect(cellsOf(picture, 2, 1)).toStrictEqual([0, 255]);
  });

  test('nine frames are all shown, row by row, each read once', async () => {
    const { source, asked } = evenStack(9);
    const picture = await pictureOf(source);
    expect(framesShown(cellsOf(picture, 3, 3), 8)).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(asked).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('of a thousand frames nine are read, evenly spread, the first and the last among them', async () => {
    const { source, asked } = evenStack(1000);
    const picture = await pictureOf(source);
    expect(asked).toStrictEqual([0, 125, 250, 375, 500, 624, 749, 874, 999]);
    const shown = framesShown(cellsOf(picture, 3, 3), 999);
    shown.forEach((frame, place) => {
      expect(Math.abs(frame - (asked[place] ?? NaN))).toBeLessThanOrEqual(2);
    });
    expect(Math.max(picture.width, picture.height)).toBeLessThanOrEqual(512);
  });

  test('places that no frame takes stay empty', async () => {
    const picture = await pictureOf(evenStack(5, (index) => index * 10).source);
    const cells = cellsOf(picture, 3, 2);
    expect(cells.slice(0, 5)).toStrictEqual([0, 64, 128, 191, 255]);
    // Light, but no saturated frame.
    expect(cells[5]).toBeGreaterThan(191);
    expect(cells[5]).toBeLessThan(240);
  });

  test.each([
    [1000, 100, 1, 9],
    [100, 1000, 9, 1],
    [600, 200, 2, 5],
    [500, 500, 3, 3],
  ])('nine frames of %d x %d are shown largest in %d x %d', async (width, height, across, down) => {
    const frameAt = (index: number): FrameSource =>
      imageSource(width, height, new Uint16Array(width * height).fill(index));
    const picture = await pictureOf({ kind: 'stack', count: 9, frameBytes: 1, frameAt });
    const cells = cellsOf(picture, across, down).slice(0, 9);
    expect(framesShown(cells, 8)).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(Math.max(picture.width, picture.height)).toBeGreaterThan(390);
    expect(Math.max(picture.width, picture.height)).toBeLessThanOrEqual(512);
  });

  test('dark grey pictures are stretched together', async () => {
    const frameAt = (index: number): FrameSource =>
      imageSource(SIDE, SIDE, new Uint8Array(SIDE * SIDE).fill(10 + index * 5), {
        stretch: 'none',
      });
    const picture = await pictureOf({ kind: 'stack', count: 4, frameBytes: 1, frameAt });
    expect(cellsOf(picture, 2, 2)).toStrictEqual([0, 85, 170, 255]);
  });

  test('frames are compared in one contrast, which one bright frame sets for all', async () => {
    const { source } = evenStack(4, (index) => (index === 3 ? 1000 : index * 100));
    expect(cellsOf(await pictureOf(source), 2, 2)).toStrictEqual([0, 26, 51, 255]);
  });

  test('each frame carries its number', async () => {
    const numbers = (count: number): Promise<Buffer> =>
      renderPreview(evenStack(count, () => 7).source);
    // All pixels are alike: only the numbers differ.
    expect((await numbers(500)).equals(await numbers(600))).toBe(false);
    const picture = await pictureOf(evenStack(9, () => 7).source);
    const third = picture.width / 3;
    for (let place = 0; place < 9; place += 1) {
      const corner = Array.from({ length: 18 * 18 }, (_, at) =>
        picture.at(
          Math.floor((place % 3) * third) + 2 + (at % 18),
          Math.floor(Math.floor(place / 3) * third) + 2 + Math.floor(at / 18),
        ),
      );
      expect(corner.some(([grey = 0]) => grey > 200)).toBe(true);
      expect(corner.some(([grey = 0]) => grey < 100)).toBe(true);
    }
  });

  test('the first frame alone has a scale bar', async () => {
    const frame = imageSource(256, 256, new Uint8Array(256 * 256).fill(90), { stretch: 'none' });
    const stack = (pixelSize: typeof frame.pixelSize): StackSource => ({
      ...evenStack(9).source,
      frameAt: () => ({ ...frame, pixelSize }),
    });
    const bare = await pictureOf(stack(null));
    const barred = await pictureOf(stack({ size: 1, unit: 'nm' }));
    const differs = new Set<string>();
    for (let y = 0; y < bare.height; y += 1) {
      for (let x = 0; x < bare.width; x += 1) {
        if (bare.at(x, y)[0] !== barred.at(x, y)[0]) {
          differs.add(`${Math.floor((x * 3) / bare.width)} ${Math.floor((y * 3) / bare.height)}`);
        }
      }
    }
    expect([...differs]).toStrictEqual(['0 0']);
  });

  test('frames of colours, of several sizes and from picture files have their places', async () => {
    const red = Uint8Array.from({ length: 60 * 60 * 3 }, (_, at) => (at % 3 === 0 ? 255 : 0));
    const png = await sharp({
      create: { width: 80, height: 40, channels: 3, background: { r: 0, g: 0, b: 255 } },
    })
      .png()
      .toBuffer();
    const picture = await pictureOf({
      kind: 'stack',
      count: 2,
      frameBytes: 1,
      frameAt: (index) =>
        index === 0
          ? imageSource(60, 60, red, { channels: 3, stretch: 'none' })
          : { kind: 'encoded', bytes: png },
    });
    const middle = Math.floor(picture.height / 2);
    expect(picture.at(Math.floor(picture.width / 4), middle)).toStrictEqual([255, 0, 0]);
    expect(picture.at(Math.floor((picture.width * 3) / 4), middle)).toStrictEqual([0, 0, 255]);
  });
});

describe('stacks that cannot be shown whole', () => {
  test.each([
    [400, [0, 333, 666, 999]],
    [299, [0, 999]],
    [99, [0]],
  ])('frames of 100 bytes, of which %d may be read', async (mostBytes, frames) => {
    const { source, asked } = evenStack(1000, undefined, { frameBytes: 100 });
    await renderPreview(source, view({ mostBytes }));
    expect(asked).toStrictEqual(frames);
  });

  const damagedFrom =
    (first: number, value = (index: number) => index) =>
    (index: number): FrameSource => {
      if (index >= first) throw new AppError('FORMAT_INVALID', `Frame ${index + 1} is damaged.`);
      return imageSource(SIDE, SIDE, new Int32Array(SIDE * SIDE).fill(value(index)));
    };

  test('damaged frames are passed over, with one warning', async () => {
    const shown = view();
    const frameAt = damagedFrom(2);
    const picture = await pictureOf({ kind: 'stack', count: 4, frameBytes: 1, frameAt }, shown);
    expect(cellsOf(picture, 2, 1)).toStrictEqual([0, 255]);
    expect(shown.warnings).toStrictEqual(['Frames 3, 4 of 4 cannot be shown: Frame 3 is damaged.']);
  });

  test('a frame with fewer pixels than promised is damaged', async () => {
    const shown = view();
    const frameAt = (index: number): FrameSource =>
      imageSource(SIDE, SIDE, new Int32Array(SIDE * SIDE - (index === 1 ? 1 : 0)).fill(index));
    await renderPreview({ kind: 'stack', count: 3, frameBytes: 1, frameAt }, shown);
    expect(shown.warnings).toHaveLength(1);
    expect(shown.warnings[0]).toMatch(/^Frame 2 of 3 cannot be shown: /);
  });

  test('a frame that stays alone is drawn large', async () => {
    const stack: StackSource = {
      kind: 'stack',
      count: 50,
      frameBytes: 1,
      frameAt: (index) => {
        if (index > 0) throw new Error('no');
        return imageSource(400, 300, new Uint16Array(400 * 300));
      },
    };
    const picture = await pictureOf(stack, view());
    expect([picture.width, picture.height]).toStrictEqual([400, 300]);
  });

  test('a stack of which no frame can be read has no preview', async () => {
    const frameAt = damagedFrom(0);
    await expect(
      renderPreview({ kind: 'stack', count: 30, frameBytes: 1, frameAt }, view()),
    ).rejects.toMatchObject({ code: 'FORMAT_INVALID', message: 'Frame 1 is damaged.' });
  });

  test('a file system that fails is not taken for a damaged frame', async () => {
    const frameAt = (index: number): FrameSource => {
      if (index > 0) throw new AppError('FILE_UNREADABLE', 'gone');
      return imageSource(SIDE, SIDE, new Uint8Array(SIDE * SIDE));
    };
    const shown = view();
    await expect(
      renderPreview({ kind: 'stack', count: 30, frameBytes: 1, frameAt }, shown),
    ).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(shown.warnings).toStrictEqual([]);
  });

  test.each([
    ['first', 0],
    ['middle', 49],
    ['last', 99],
  ] as const)('the %s frame alone is drawn as its picture would be', async (show, index) => {
    const frameOf = (at: number): FrameSource =>
      imageSource(
        300,
        200,
        Uint16Array.from({ length: 60_000 }, (_, pixel) => pixel % (at + 2)),
      );
    const asked: number[] = [];
    const stack: StackSource = {
      kind: 'stack',
      count: 100,
      frameBytes: 1e12,
      frameAt: (at) => {
        asked.push(at);
        return frameOf(at);
      },
    };
    const drawn = await renderPreview(stack, view({ show }));
    expect(drawn.equals(await renderPreview(frameOf(index)))).toBe(true);
    expect(asked).toStrictEqual([index]);
  });

  test('where the last frame is damaged the nearest whole one of some stands for it', async () => {
    const shown = view({ show: 'last' });
    const asked: number[] = [];
    const frameAt = (index: number): FrameSource => {
      asked.push(index);
      return damagedFrom(90)(index);
    };
    await renderPreview({ kind: 'stack', count: 100, frameBytes: 1, frameAt }, shown);
    expect(asked).toStrictEqual([99, 87]);
    expect(shown.warnings).toStrictEqual([
      'Frame 100 of 100 cannot be shown: Frame 100 is damaged.',
    ]);
  });
});
