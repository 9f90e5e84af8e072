import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { DocumentDataset, RecordSource } from '../../src/record/record-document.js';
import { loadXmlValidator } from '../../src/record/validate-xml.js';
import { writeUnfinished } from '../../src/record/write-file-durably.js';
import { writeXml } from '../../src/record/write-xml.js';
import { type BenchResult, type BenchRow, median, timeMs } from './bench-result.js';

const DATASETS_PER_ACTIVITY = 500;

function makeDataset(index: number): DocumentDataset {
  return {
    type: 'SpectrumImage',
    role: 'Experimental',
    name: `map_${index}.dm4`,
    location: `/Titan/2026-11-21/map_${index}.dm4`,
    format: 'DigitalMicrograph 4',
    descriptions: [],
    previews: [`/Titan/2026-11-21/map_${index}.dm4.thumb.png`],
    metadata: [
      ...Array.from({ length: 18 }, (_, key) => ({
        name: `Detector Setting ${key}`,
        value: index * 0.25 + key,
        unit: 'nm',
      })),
      { name: 'Comment', value: 'phase A & B, x < 3' },
      { name: 'Stage', value: [index, 2.5, -0.125] },
    ],
  };
}

/** A record of about `megabytes`; datasets are made one by one, as the product does. */
function makeRecord(megabytes: number): RecordSource {
  const datasets = Math.ceil((megabytes * 1e6) / 1580);
  return {
    title: 'Benchmark',
    summary: { experimenters: ['Ada'], collaborators: [], instruments: [{ name: 'Titan' }] },
    samples: [],
    projects: [],
    notes: [],
    activities: {
      *[Symbol.iterator]() {
        for (let from = 0; from < datasets; from += DATASETS_PER_ACTIVITY) {
          yield {
            seqno: from / DATASETS_PER_ACTIVITY,
            setup: [{ name: 'Acceleration Voltage', value: 300, unit: 'kV' }],
            notes: [],
            datasets: (function* () {
              const to = Math.min(datasets, from + DATASETS_PER_ACTIVITY);
              for (let index = from; index < to; index += 1) yield makeDataset(index);
            })(),
          };
        }
      },
    },
  };
}

/** A record in memory, so that making its values does not count as writing. */
function inMemory(record: RecordSource): RecordSource {
  const activities = [...record.activities].map((one) => ({ ...one, datasets: [...one.datasets] }));
  return { ...record, activities };
}

const childSchema = z.object({ valid: z.boolean(), sizeBytes: z.number(), peakBytes: z.number() });

/** Writes a record to a file and validates it in a process of its own, for its peak memory. */
export async function measureMemory(megabytes: number, folder: string): Promise<void> {
  const file = await writeUnfinished(join(folder, 'record.xml'), writeXml(makeRecord(megabytes)));
  const validator = await loadXmlValidator();
  const { valid } = await validator.validateFile(file.path);
  await file.discard();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ valid, sizeBytes: file.sizeBytes, peakBytes }));
}

function peakOf(megabytes: number, folder: string): z.infer<typeof childSchema> {
  const module = JSON.stringify(fileURLToPath(import.meta.url));
  const program = `(await import(${module})).measureMemory(${megabytes}, ${JSON.stringify(folder)})`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', `await ${program}`], {
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(child.stderr);
  const peak = childSchema.parse(JSON.parse(child.stdout));
  if (!peak.valid) throw new Error(`The record of ${megabytes} MB is not valid.`);
  return peak;
}

/** Writing and validating records of 1 and 20 MB, and memory up to 100 MB. */
export async function run(): Promise<BenchResult> {
  const rows: BenchRow[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'recordsmith-bench-'));
  const validator = await loadXmlValidator();
  try {
    for (const [megabytes, repeats] of [
      [1, 20],
      [20, 5],
    ] as const) {
      const record = inMemory(makeRecord(megabytes));
      const file = await writeUnfinished(join(folder, 'record.xml'), writeXml(record));
      if (!(await validator.validateFile(file.path)).valid) throw new Error('It is not valid.');
      const hash = createHash('sha256');
      for (const chunk of writeXml(record)) hash.update(chunk);
      if (hash.digest('hex') !== file.sha256) throw new Error('Two writes differ.');
      const sizeMb = file.sizeBytes / 1e6;
      const writeMs = await timeMs(
        () => {
          let length = 0;
          for (const chunk of writeXml(record)) length += Buffer.from(chunk, 'utf8').length;
          if (length !== file.sizeBytes) throw new Error('Two writes differ.');
        },
        { repeats, warm: true },
      );
      const validateMs = await timeMs(() => validator.validateFile(file.path), {
        repeats,
        warm: true,
      });
      const write = (sizeMb * 1000) / median(writeMs);
      const validate = (sizeMb * 1000) / median(validateMs);
      rows.push(
        {
          label: `write ${megabytes} MB`,
          value: write,
          unit: 'MB/s',
          target: '>= 60',
          pass: write >= 60,
        },
        {
          label: `validate ${megabytes} MB`,
          value: validate,
          unit: 'MB/s',
          target: '>= 30',
          pass: validate >= 30,
        },
      );
      await file.discard();
    }
    const base = peakOf(0.01, folder).peakBytes;
    const middle = peakOf(20, folder);
    const times = middle.peakBytes / middle.sizeBytes;
    rows.push({
      label: 'peak memory of writing and validating 20 MB, times the record',
      value: times,
      unit: 'x',
      target: '<= 25',
      pass: times <= 25,
    });
    const large = peakOf(100, folder);
    const growth = (large.peakBytes - middle.peakBytes) / 1e6;
    rows.push(
      { label: 'peak memory, empty record', value: base / 1e6, unit: 'MB' },
      { label: 'peak memory, 100 MB record', value: large.peakBytes / 1e6, unit: 'MB' },
      {
        label: 'more memory for 100 MB than for 20 MB',
        value: growth,
        unit: 'MB',
        target: '<= 100',
        pass: growth <= 100,
      },
    );
  } finally {
    validator.dispose();
    await rm(folder, { recursive: true });
  }
  return { name: 'xml', rows };
}
