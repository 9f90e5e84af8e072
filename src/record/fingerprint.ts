import { createHash } from 'node:crypto';
import type { ExperimentRecord } from '../domain/record.js';
import { describeRecord } from './describe-record.js';
import { writeJson } from './write-json.js';

/**
 * The sha256 (hex) of all that a record says: its JSON, which holds everything that is in the XML. Equal fingerprints mean
 * equal bytes of both, so an unchanged one needs no new version. Memory stays bounded for large records.
 */
export function fingerprintOf(record: ExperimentRecord): string {
  const hash = createHash('sha256');
  for (const chunk of writeJson(describeRecord(record))) hash.update(chunk, 'utf8');
  return hash.digest('hex');
}
