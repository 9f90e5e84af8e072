// @ts-check
// The reader process of the fuzz tests: the readers of recordsmith, and after each file what it cost and whether an
// extractor threw what is no AppError. It is told as one more warning, since a warning is all that a result carries.
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const dist = new URL('../../dist/', import.meta.url);
const { serveJobs } = await import(new URL('processes/serve-jobs.js', dist).href);
const { extractFile } = await import(new URL('extract/extract-file.js', dist).href);
const { EXTRACTORS } = await import(new URL('extract/registry.js', dist).href);
const { isAppError, toError } = await import(new URL('errors.js', dist).href);

/** @type {string | null} */
let defect = null;
/** The extractor that recognised the file. @type {string | null} */
let asked = null;

/** What a reader may throw: a refusal of the file, or that a limit was reached. */
const REFUSALS = ['FORMAT_INVALID', 'LIMIT_EXCEEDED', 'FILE_UNREADABLE'];

/** @param {any} error */
function note(error) {
  const isRefusal = isAppError(error) && REFUSALS.includes(error.code);
  if (!isRefusal) defect = toError(error).stack ?? String(error);
}

/** @param {any} extractor */
function watched(extractor) {
  return {
    ...extractor,
    extract: async (/** @type {any} */ file, /** @type {any} */ context) => {
      asked = extractor.id;
      try {
        const extracted = await extractor.extract(file, context);
        return { ...extracted, signals: extracted.signals.map(watchedSignal) };
      } catch (error) {
        note(error);
        throw error;
      }
    },
  };
}

/** @param {any} signal */
function watchedSignal(signal) {
  if (signal.previewOf === null) return signal;
  return {
    ...signal,
    previewOf: () => {
      try {
        return signal.previewOf();
      } catch (error) {
        note(error);
        throw error;
      }
    },
  };
}

/** Begins a new peak of resident memory; 5 is the word for it (proc(5), clear_refs). */
function beginPeak() {
  writeFileSync('/proc/self/clear_refs', '5');
}

/** The peak since then, MiB. */
function peakMib() {
  const [, kib = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

const extractors = EXTRACTORS.map(watched);

serveJobs({
  extract: async (/** @type {any} */ job) => {
    defect = null;
    asked = null;
    beginPeak();
    const startMs = performance.now();
    const result = await extractFile({ ...job, path: Buffer.from(job.path) }, extractors);
    const ms = Math.round(performance.now() - startMs);
    const cost = { ms, mib: peakMib(), asked, defect };
    if (!('metadata' in result)) return result;
    const { metadata } = result;
    const warnings = [...metadata.warnings, `fuzz: ${JSON.stringify(cost)}`];
    return { ...result, metadata: { ...metadata, warnings } };
  },
});
