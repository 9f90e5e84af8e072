import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PreviewSource } from '../../src/extract/extractor.js';
import { OpenFile } from '../../src/extract/file-source.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { median, type BenchResult } from './bench-result.js';
import { CLI, makeBenchFolder, makeBuildLab, sampleFiles } from './build-lab.js';

const FILES = 200;
const RUNS = 15;

type Image = Extract<PreviewSource, { kind: 'image' }>;
type Spectrum = Extract<PreviewSource, { kind: 'spectrum' }>;

/** An image as decoded, with the size in pixels that its preview has. */
interface Picture {
  readonly pixels: Exclude<Image['pixels'], BigInt64Array | BigUint64Array>;
  readonly raw: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 };
  readonly width: number;
  readonly height: number;
}

/** What the lower bound draws for a sample: decoded before its time counts. */
interface Decoded {
  readonly pictures: readonly Picture[];
  readonly spectra: readonly Spectrum[];
}

async function pictureOf(image: Image): Promise<Picture> {
  const { pixels, width, height, channels } = image;
  if (pixels instanceof BigInt64Array || pixels instanceof BigUint64Array) {
    throw new Error('sharp takes no 64-bit integers.');
  }
  const png = await renderPreview(image);
  // In its header (ISO/IEC 15948, 11.2.2).
  const [previewWidth, previewHeight] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  return {
    pixels,
    raw: { width, height, channels },
    width: previewWidth,
    height: previewHeight,
  };
}

/** Stretches values between the least and the most of them, in place. */
function stretch(values: Uint8Array): void {
  let low = 255;
  let high = 0;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = high > low ? 255 / (high - low) : 0;
  for (let index = 0; index < values.length; index += 1) {
    values[index] = ((values[index] ?? 0) - low) * scale;
  }
}

async function decode(path: string): Promise<Decoded> {
  const file = OpenFile.open(Buffer.from(path), 1024 ** 3);
  try {
    const head = {
      bytes: file.readUpTo(0, 65_536),
      fileName: file.fileName,
      extension: file.extension,
      sizeBytes: file.sizeBytes,
    };
    const extractor = EXTRACTORS.find((candidate) => candidate.sniff(head));
    if (extractor === undefined) throw new Error(`No format reads ${path}.`);
    const { signals } = await extractor.extract(file, { timezone: 'UTC', previews: true });
    const pictures: Picture[] = [];
    const spectra: Spectrum[] = [];
    for (const { previewOf } of signals) {
      const source = previewOf?.() ?? null;
      if (source?.kind === 'image') pictures.push(await pictureOf(source));
      if (source?.kind === 'spectrum') spectra.push(source);
      if (source?.kind === 'spectrum-image') {
        pictures.push(await pictureOf(source.navigation));
        spectra.push(source.spectrum);
      }
    }
    return { pictures, spectra };
  } finally {
    file.close();
  }
}

/**
 * The lower bound, in this (fresh) process: reads the same bytes, makes thumbnails of the same size and depth from decoded
 * arrays with sharp and one thread, renders the same spectra. Prints the milliseconds, decoding left out.
 */
async function printLowerBound(): Promise<void> {
  const paths = sampleFiles(FILES);
  const decoded = new Map<string, Decoded>();
  for (const path of new Set(paths)) decoded.set(path, await decode(path));
  const start = performance.now();
  const { default: sharp } = await import('sharp');
  sharp.concurrency(1);
  sharp.cache(false);
  let bytes = 0;
  for (const path of paths) {
    bytes += readFileSync(path).length;
    for (const { pixels, raw, width, height } of decoded.get(path)?.pictures ?? []) {
      const small = await sharp(pixels, { raw })
        .resize(width, height, { kernel: width > raw.width ? 'nearest' : 'lanczos3' })
        .raw()
        .toBuffer();
      stretch(small);
      const { length } = small;
      const channels = length === width * height ? 1 : 3;
      await sharp(small, { raw: { width, height, channels } }).png().toBuffer();
    }
    for (const spectrum of decoded.get(path)?.spectra ?? []) await renderPreview(spectrum);
  }
  const took = performance.now() - start;
  if (bytes === 0) throw new Error('Nothing was read.');
  console.log(took);
}

function lowerBoundMs(): number {
  const nodeStart = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  const startMs = performance.now() - nodeStart;
  const ended = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'lower-bound'], {
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`The lower bound failed: ${ended.stderr}`);
  return startMs + Number(ended.stdout);
}

/** Spawn to exit of `--run-once` on a fresh lab; the result is checked before the time counts. */
async function buildMs(folder: string): Promise<number> {
  const start = performance.now();
  const ended = spawnSync(process.execPath, [CLI, '--run-once', '--json', '--quiet'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const took = performance.now() - start;
  await checkBuilt(ended.stdout, folder);
  return took;
}

async function checkBuilt(stdout: string, folder: string): Promise<void> {
  const { sessions } = JSON.parse(stdout) as {
    sessions: { outcome: string; files: number; record: string }[];
  };
  const [session] = sessions;
  if (session?.outcome !== 'COMPLETED' || session.files !== FILES) {
    throw new Error(`The session was not built: ${stdout}`);
  }
  const xml = await readFile(session.record, 'utf8');
  const previews = [...xml.matchAll(/<preview>([^<]+)<\/preview>/g)].map((match) => match[1] ?? '');
  const missing = previews.filter(
    (preview) => !existsSync(join(folder, 'output', decodeURIComponent(preview))),
  );
  if (previews.length < FILES || missing.length > 0) {
    throw new Error(
      `${previews.length} previews are named, ${missing.length} of them are missing.`,
    );
  }
}

/**
 * A 200-file session from spawn to exit, against the same bytes, thumbnails and spectra in one process. Of several runs the
 * fastest counts: whatever else a machine does can only add to the time. The median says how busy it was.
 */
export async function run(): Promise<BenchResult> {
  const bounds: number[] = [];
  const builds: number[] = [];
  // All made before and removed after: file systems make new files slowly where many have just been removed.
  const folders: string[] = [];
  try {
    for (let count = 0; count < RUNS; count += 1) {
      const folder = await makeBenchFolder('build');
      folders.push(folder);
      await makeBuildLab(folder, { sessions: 1, filesPerSession: FILES });
    }
    // What the system still has to write of them is no work of a build.
    spawnSync('sync');
    for (const folder of folders) {
      bounds.push(lowerBoundMs());
      builds.push(await buildMs(folder));
    }
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
  const ratio = median(builds.map((build, index) => build / (bounds[index] ?? Number.NaN)));
  const build = Math.min(...builds);
  return {
    name: 'build',
    rows: [
      { label: 'lower bound, fastest', value: Math.min(...bounds), unit: 'ms' },
      { label: 'lower bound, median', value: median(bounds), unit: 'ms' },
      { label: '--run-once, 200 files, median', value: median(builds), unit: 'ms' },
      {
        label: '--run-once, 200 files, fastest',
        value: build,
        unit: 'ms',
        target: '<= 1100',
        pass: build <= 1100,
      },
      { label: 'over the lower bound', value: ratio, unit: 'x', target: '<= 2', pass: ratio <= 2 },
    ],
  };
}

if (process.argv[2] === 'lower-bound') await printLowerBound();
