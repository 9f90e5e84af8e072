// @ts-check
// A reader process whose one format misbehaves as the file's first line says.
const dist = new URL('../../dist/', import.meta.url);
const { serveJobs } = await import(new URL('processes/serve-jobs.js', dist).href);
const { extractFile } = await import(new URL('extract/extract-file.js', dist).href);
const { unknownFile } = await import(new URL('extract/formats/unknown-file.js', dist).href);

/** @type {Record<string, () => unknown>} */
const behaviours = {
  hang: () => {
    for (;;);
  },
  abort: () => process.abort(),
  exit: () => process.exit(3),
  grow: () => {
    const kept = [];
    for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
  },
  throw: () => {
    throw new Error('this reader has a defect');
  },
};

const misbehaving = {
  id: 'misbehaving',
  version: 1,
  extensions: ['.bad'],
  sniff: () => true,
  extract: (/** @type {{ readUpTo(offset: number, length: number): Buffer }} */ file) => {
    behaviours[file.readUpTo(0, 100).toString('utf8')]?.();
    return { ...unknownFile(), format: 'well-behaved' };
  },
};

serveJobs({ extract: (/** @type {unknown} */ job) => extractFile(job, [misbehaving]) });
