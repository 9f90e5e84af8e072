import type { CompanionRule } from './companion-rule.js';

/** The readers of a facility, as its configuration names them (extract.readers, extract.commands). */
export interface FacilityReaders {
  /** Absolute paths of ES modules, or of folders of such. */
  readonly modules: readonly string[];
  readonly commands: readonly CommandReader[];
}

/** A program that reads files: it prints what `recordsmith extract --json` prints. */
export interface CommandReader {
  /** Names the reader as the id of a module does. */
  readonly name: string;
  /** Rises when the same file would give another result. */
  readonly version: number;
  /** Patterns of the names that it reads, any case: `*.kes`. */
  readonly files: readonly string[];
  /**
   * The program and its arguments. `{file}` stands for the absolute path of the file, `{timezone}` for the IANA zone of the
   * instrument, `{preview}` for where it may write a picture.
   */
  readonly command: readonly string[];
  /** Milliseconds for one file; null: what one file may take at all. */
  readonly timeLimitMs: number | null;
  /** Files that it reads besides the main one. */
  readonly companions: readonly CompanionRule[];
}
