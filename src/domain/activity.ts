import type { Dataset } from './dataset.js';
import type { Metadata } from './file-metadata.js';

/** A run of datasets close in time. */
export interface Activity {
  /** From 0. */
  readonly seqno: number;
  /** Epoch milliseconds of the first and last dataset. */
  readonly startMs: number;
  readonly endMs: number;
  /** Equal in every dataset of the activity. */
  readonly setup: Metadata;
  readonly datasets: readonly Dataset[];
}
