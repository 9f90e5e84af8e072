import { opendirSync } from 'node:fs';
import { systemErrorCode } from '../errors.js';
import type { ProbeResult } from './look-result.js';
import { failureText } from './store-errors.js';

/** Whether a root is there and holds anything; reads no more than one name of it. Runs in a store process. */
export function probeStore(root: string): ProbeResult {
  const startedMs = performance.now();
  try {
    const folder = opendirSync(root, { bufferSize: 1 });
    const isEmpty = folder.readSync() === null;
    folder.closeSync();
    return { kind: 'available', isEmpty, durationMs: performance.now() - startedMs };
  } catch (error) {
    const systemCode = systemErrorCode(error);
    const reason =
      systemCode === 'ENOENT'
        ? `The folder ${root} does not exist: is the store mounted?`
        : `The folder ${root} cannot be read: ${failureText(error)}.`;
    return {
      kind: 'store-unavailable',
      reason,
      ...(systemCode === undefined ? {} : { systemCode }),
    };
  }
}
