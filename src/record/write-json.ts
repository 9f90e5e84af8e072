import type { ActivitySource, RecordSource } from './record-document.js';
import { gatherChunks } from './write-xml.js';

/** `"key":value` lines of what is there; a value that is undefined has no line. */
function members(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},\n`)
    .join('');
}

function* activityPieces(activity: ActivitySource): Generator<string> {
  const { seqno, startTime, sampleID, setup, notes, datasets, extensions } = activity;
  yield `{${members({ seqno, startTime, sampleID, setup, notes, extensions })}"datasets": [`;
  let separator = '\n';
  for (const dataset of datasets) {
    yield separator + JSON.stringify(dataset);
    separator = ',\n';
  }
  yield ']}';
}

function* pieces(record: RecordSource): Generator<string> {
  const { pid, title, id, summary, samples, projects, activities, notes, extensions } = record;
  yield `{\n${members({ pid, title, id, summary, samples, projects })}"activities": [`;
  let separator = '\n';
  for (const activity of activities) {
    yield separator;
    yield* activityPieces(activity);
    separator = ',\n';
  }
  yield `],\n${members({ extensions })}"notes": ${JSON.stringify(notes)}\n}\n`;
}

/**
 * The record as JSON (config/schemas/record.schema.json), in chunks of about 64 K characters, one dataset a line. The same
 * document gives the same bytes everywhere.
 */
export function writeJson(record: RecordSource): Generator<string> {
  return gatherChunks(pieces(record));
}
