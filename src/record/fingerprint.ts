import { createHash } from 'node:crypto';
import type { RecordSource } from './record-document.js';
import { writeJson } from './write-json.js';

/**
 * The sha256 (hex) of all that a record says: its JSON, which holds everything that is in the XML. Equal fingerprints mean
 * equal bytes of both, so an unchanged one needs no new version. Memory stays bounded for large records.
 */
export function fingerprintOf(document: RecordSource): string {
  const hash = createHash('sha256');
  for (const chunk of writeJson(document)) hash.update(chunk, 'utf8');
  return hash.digest('hex');
}
