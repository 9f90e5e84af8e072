// @ts-check
// npm run gallery      (after npm run samples and npm run build)
//
// Makes .cache/gallery/index.html: every signal of every sample file with its preview, format, shape, type, axes and
// warnings, one section a format. For people who look whether each picture is what the instrument saw.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const GALLERY = join(CACHE, 'gallery');
const FOLDERS = ['samples', 'samples-dicom'];

/** @param {string} path of a module below dist/ */
const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { ReaderPool } = await built('extract/reader-pool.js');
const { encodeLocation } = await built('domain/location.js');
const { markup, trustedHtml } = await built('page/html.js');
const { PAGE_STYLE } = await built('page/page-style.js');

const missing = FOLDERS.filter((folder) => !existsSync(join(CACHE, folder)));
if (missing.length > 0) {
  console.error(`There are no samples in .cache/${missing.join(', .cache/')}: npm run samples`);
  process.exit(65);
}

rmSync(GALLERY, { recursive: true, force: true });
mkdirSync(GALLERY, { recursive: true });
const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(CACHE, folder), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'hashes.json',
    )
    .map((entry) => join(entry.parentPath, entry.name)),
).sort();

/** @param {string} path */
function jobOf(path) {
  const { size, blocks, mtimeNs } = statSync(path, { bigint: true });
  return {
    location: encodeLocation(path.slice(CACHE.length - 1)),
    path: Buffer.from(path),
    sizeBytes: Number(size),
    blocks: Number(blocks),
    mtimeNs,
    timezone: 'UTC',
    previews: true,
    dicomIdentity: false,
    limitBytes: 268_435_456,
    outputPath: join(GALLERY, 'none'),
    stagingPath: GALLERY,
  };
}

/** @type {Map<string, unknown[]>} */
const cards = new Map();
const readers = new ReaderPool({ size: 2 });
let count = 0;
let drawn = 0;
try {
  for await (const { metadata } of readers.extractFiles(files.map(jobOf))) {
    const folder = metadata.location.slice(0, metadata.location.lastIndexOf('/') + 1);
    for (const [index, signal] of metadata.signals.entries()) {
      /** @type {readonly { scale: number, origin: number, unit: string }[]} */
      const calibration = signal.calibration;
      const axes = calibration
        .map(({ scale, origin, unit }) => `${scale} ${unit} from ${origin}`)
        .join('; ');
      // The percent signs of a location are part of the address of its file.
      const address = `.${folder}${signal.previewName ?? ''}`;
      const name = decodeURI(metadata.location.split('/').slice(2).join('/'));
      count += 1;
      if (signal.previewName !== null) drawn += 1;
      const card = markup`<li class="card">${
        signal.previewName === null
          ? markup`<div class="no-picture">no preview</div>`
          : markup`<a href="${address}"><img src="${address}" loading="lazy" alt="" width="100%"></a>`
      }<div class="card-text"><h4>${name}${metadata.signals.length > 1 ? ` (${index + 1} of ${metadata.signals.length})` : ''}</h4>
<p><span class="kind kind-${signal.type.toLowerCase()}">${signal.type}</span> ${signal.shape.join(' × ')} ${signal.dtype ?? ''}</p>
<p class="quiet">${axes}</p>${metadata.warnings.map((/** @type {string} */ text) => markup`<p class="warning">${text}</p>`)}</div></li>`;
      cards.set(metadata.format, [...(cards.get(metadata.format) ?? []), card]);
    }
  }
} finally {
  await readers.stop();
}

const sections = [...cards]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([format, list]) =>
      markup`<section><h2>${format} (${list.length})</h2><ul class="cards">${list}</ul></section>`,
  );
const page = markup`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Previews of all samples</title>
<style>${trustedHtml(PAGE_STYLE)}</style></head><body><main><h1>Previews of all samples</h1>
<p>${count} signals of ${files.length} files, ${drawn} with a preview.</p>${sections}</main></body></html>`;
const index = join(GALLERY, 'index.html');
writeFileSync(index, page.toString());
console.log(`${index}: ${count} signals of ${files.length} files, ${drawn} with a preview`);
