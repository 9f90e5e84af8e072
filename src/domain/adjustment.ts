import type { MetadataValue } from './file-metadata.js';
import type { MetadataName } from './harmonised-names.js';

/** What is done to one harmonised value of the files of an instrument, as the configuration says. */
export interface Adjustment {
  /** Named in sidecars and by `recordsmith extract`. */
  readonly name: string;
  /** Patterns of formats (`TIFF (FEI*`), any case; empty: all. */
  readonly formats: readonly string[];
  /**
   * Patterns of files, any case: without a slash of the name, with one of the path from paths.data without its leading
   * slash; empty: all.
   */
  readonly files: readonly string[];
  /** The value it is about, by the name that the reader gave it. */
  readonly value: MetadataName;
  readonly action: AdjustmentAction;
  /** Marks the value as one that the instrument is known to write wrongly. */
  readonly unreliable: boolean;
}

/** The kinds of adjustments. */
export type AdjustmentAction =
  | {
      readonly kind: 'change';
      /** The unit that the number really is in; null: the one of the name. */
      readonly trueUnit: string | null;
      /** The number is multiplied by this. */
      readonly scale: number;
      /** The name that the value really belongs to; null: its own. */
      readonly rename: MetadataName | null;
    }
  /** The value is this, whatever the file says, also if it says nothing. */
  | { readonly kind: 'set'; readonly to: MetadataValue }
  /** The value is left out. */
  | { readonly kind: 'drop' };

/** What an adjustment did to one value of one signal. */
export interface AppliedAdjustment {
  /** Of the adjustment. */
  readonly adjustment: string;
  /** Signal of the file, from 1. */
  readonly signal: number;
  /** The name that the reader gave. */
  readonly value: string;
  /** What the reader gave; null: nothing. */
  readonly original: MetadataValue | null;
}
