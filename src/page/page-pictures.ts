import type { PagePicture } from './session-page.js';

/** Bytes of all pictures of a page: it can still be mailed. */
const MOST_BYTES = 14_000_000;
/** Pictures that take up to this share of it are put in as they are. */
const UNCHANGED_SHARE = 0.4;
/** Pictures that are made smaller to learn how much that gains. */
const SAMPLE = 8;
/** Over the estimate by this factor, no further pictures are put in. */
const SLACK = 1.4;

/** How much smaller pictures are made, the best first. */
const QUALITIES = [
  { side: 512, quality: 82 },
  { side: 400, quality: 75 },
  { side: 300, quality: 68 },
  { side: 200, quality: 60 },
] as const;

type Quality = (typeof QUALITIES)[number];

/** The previews of a page. */
export interface PagePictureSource<Key> {
  /** Every preview there is, in the order of the page. */
  readonly previews: readonly { readonly key: Key; readonly sizeBytes: number }[];
  /** The bytes of a PNG. */
  readonly read: (key: Key) => Promise<Uint8Array>;
}

/**
 * The previews of a session as pictures of a page. A few are put in as they are; of many, smaller and coarser ones are made,
 * so that the page stays usable; what would be too much all the same is left out and counted.
 */
export class PagePictures<Key> {
  readonly #source: PagePictureSource<Key>;
  readonly #mostBytes: number;
  #quality: Promise<Quality | null> | null = null;
  #bytes = 0;
  #leftOut = 0;

  /** @param mostBytes of all pictures, about */
  constructor(source: PagePictureSource<Key>, mostBytes = MOST_BYTES) {
    this.#source = source;
    this.#mostBytes = mostBytes;
  }

  /** How many were asked for and left out so far. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** One picture; null: there is no room for it. Throws as the source's read does, or the decoder's error. */
  async pictureOf(key: Key): Promise<PagePicture | null> {
    this.#quality ??= this.#chooseQuality();
    const quality = await this.#quality;
    if (this.#bytes > this.#mostBytes * SLACK) {
      this.#leftOut += 1;
      return null;
    }
    const png = await this.#source.read(key);
    const picture =
      quality === null
        ? { mediaType: 'image/png' as const, bytes: png }
        : await shrink(png, quality);
    this.#bytes += picture.bytes.length;
    return picture;
  }

  /** The best quality at which all pictures have room, by a sample of them; null: they stay as they are. */
  async #chooseQuality(): Promise<Quality | null> {
    const { previews, read } = this.#source;
    const total = previews.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (total <= this.#mostBytes * UNCHANGED_SHARE) return null;
    const step = Math.max(1, Math.floor(previews.length / SAMPLE));
    const sample = previews.filter((_, index) => index % step === 0);
    const pngs: Uint8Array[] = [];
    for (const { key } of sample) pngs.push(await read(key));
    let chosen: Quality = QUALITIES[0];
    for (const quality of QUALITIES) {
      chosen = quality;
      let bytes = 0;
      for (const png of pngs) bytes += (await shrink(png, quality)).bytes.length;
      if ((bytes / Math.max(1, sample.length)) * previews.length <= this.#mostBytes) break;
    }
    return chosen;
  }
}

/** The smaller of the PNG and a WebP of this quality: drawings are mostly smallest as they are. */
async function shrink(png: Uint8Array, { side, quality }: Quality): Promise<PagePicture> {
  const { default: sharp } = await import('sharp');
  const webp = await sharp(png, { failOn: 'none' })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .webp({ quality, effort: 2 })
    .toBuffer();
  return webp.length < png.length
    ? { mediaType: 'image/webp', bytes: webp }
    : { mediaType: 'image/png', bytes: png };
}
