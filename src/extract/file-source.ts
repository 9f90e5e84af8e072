import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { displayName } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';
import type { FileSource } from './extractor.js';
import { siblingPaths } from './sibling-paths.js';

/** Reads below this are served from a window, so that walking through tags is not a system call each. */
const WINDOW_BYTES = 65_536;
/** A first look somewhere else in the file takes this much; following reads then take whole windows. */
const FIRST_WINDOW_BYTES = 4096;
const SLASH = 0x2f;
const DOT = 0x2e;

/** A companion that was asked for: as it was when opened, or nulls when it was not there. */
export interface SiblingFacts {
  /** As the extractor named it. */
  readonly name: string;
  readonly sizeBytes: number | null;
  readonly mtimeNs: bigint | null;
}

/** Bytes read from a file and its siblings together, against their common limit. */
interface ReadBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

/**
 * One open regular file, with its siblings, read synchronously (the reader process has nothing else to do). The
 * caller closes it.
 */
export class OpenFile implements FileSource {
  readonly fileName: string;
  readonly extension: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  readonly #path: Buffer;
  readonly #descriptor: number;
  readonly #budget: ReadBudget;
  readonly #siblings = new Map<string, OpenFile | null>();
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  private constructor(path: Buffer, descriptor: number, stats: BigIntStats, budget: ReadBudget) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#budget = budget;
    const name = path.subarray(path.lastIndexOf(SLASH) + 1);
    this.fileName = displayName(name);
    const dot = name.lastIndexOf(DOT);
    this.extension = dot <= 0 ? '' : displayName(name.subarray(dot)).toLowerCase();
    this.sizeBytes = Number(stats.size);
    this.mtimeNs = stats.mtimeNs;
    this.mtimeMs = Number(stats.mtimeNs / 1_000_000n);
  }

  /**
   * Opens a regular file; anything else (a FIFO would block) is refused.
   * @param limitBytes How many bytes may be read from it and its siblings together.
   * @throws AppError FILE_UNREADABLE with the file system's code in `details.systemCode`.
   */
  static open(path: Buffer, limitBytes: number): OpenFile {
    return OpenFile.#open(path, { limitBytes, usedBytes: 0 }, 0);
  }

  static #open(path: Buffer, budget: ReadBudget, flags: number): OpenFile {
    let descriptor: number | null = null;
    try {
      // Without O_NONBLOCK, opening a FIFO waits for its writer.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
      const stats = fstatSync(descriptor, { bigint: true });
      if (!stats.isFile()) {
        throw new AppError('FILE_UNREADABLE', `${displayName(path)} is not a regular file.`);
      }
      return new OpenFile(path, descriptor, stats, budget);
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      if (error instanceof AppError) throw error;
      throw unreadable(path, error);
    }
  }

  /** How many bytes may be read, siblings included. */
  get limitBytes(): number {
    return this.#budget.limitBytes;
  }

  /** Bytes read so far, siblings included. */
  get bytesRead(): number {
    return this.#budget.usedBytes;
  }

  /** All siblings that were asked for, sorted by name. */
  get siblings(): readonly SiblingFacts[] {
    return [...this.#siblings]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, file]) => ({
        name,
        sizeBytes: file?.sizeBytes ?? null,
        mtimeNs: file?.mtimeNs ?? null,
      }));
  }

  read(offset: number, length: number): Buffer {
    this.#check(offset, length);
    if (offset + length > this.sizeBytes) {
      throw new AppError(
        'FORMAT_INVALID',
        `${this.fileName} ends at byte ${this.sizeBytes}; bytes ${offset} to ${offset + length} were expected.`,
        { details: { offset, length, sizeBytes: this.sizeBytes } },
      );
    }
    return this.#take(offset, length);
  }

  readUpTo(offset: number, length: number): Buffer {
    this.#check(offset, length);
    return this.#take(offset, Math.max(0, Math.min(length, this.sizeBytes - offset)));
  }

  sibling(fileName: string): OpenFile | null {
    const known = this.#siblings.get(fileName);
    if (known !== undefined) return known;
    const found = this.#openSibling(fileName);
    this.#siblings.set(fileName, found);
    return found;
  }

  /** Whether this file or a sibling has another size or time than when it was opened. */
  hasChanged(): boolean {
    let stats: BigIntStats;
    try {
      stats = fstatSync(this.#descriptor, { bigint: true });
    } catch (error) {
      throw unreadable(this.#path, error);
    }
    return (
      stats.mtimeNs !== this.mtimeNs ||
      Number(stats.size) !== this.sizeBytes ||
      [...this.#siblings.values()].some((sibling) => sibling?.hasChanged() === true)
    );
  }

  /** Closes the file and its siblings. */
  close(): void {
    for (const sibling of this.#siblings.values()) sibling?.close();
    closeSync(this.#descriptor);
  }

  #check(offset: number, length: number): void {
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(length) ||
      offset < 0 ||
      length < 0
    ) {
      throw new AppError(
        'FORMAT_INVALID',
        `${this.fileName} points to impossible bytes: ${length} from ${offset}.`,
        { details: { offset, length } },
      );
    }
  }

  #take(offset: number, length: number): Buffer {
    if (length === 0) return Buffer.alloc(0);
    const start = offset - this.#windowStart;
    if (start >= 0 && start + length <= this.#window.length) {
      return this.#window.subarray(start, start + length);
    }
    if (length >= WINDOW_BYTES) return this.#load(offset, length);
    const follows = start >= 0 && start <= this.#window.length + FIRST_WINDOW_BYTES;
    const wanted = Math.max(length, follows ? WINDOW_BYTES : FIRST_WINDOW_BYTES);
    // A new buffer each time: earlier answers are parts of the old one and stay as they are.
    this.#window = this.#load(offset, Math.min(wanted, this.sizeBytes - offset));
    this.#windowStart = offset;
    return this.#window.subarray(0, length);
  }

  #load(offset: number, length: number): Buffer {
    const { limitBytes, usedBytes } = this.#budget;
    if (usedBytes + length > limitBytes) {
      throw new AppError(
        'LIMIT_EXCEEDED',
        `More than ${limitBytes} bytes of ${this.fileName} would have to be read.`,
        {
          remedy: 'Raise the limit of bytes read a file (build.limits).',
          details: { limit: 'bytes', limitBytes },
        },
      );
    }
    this.#budget.usedBytes += length;
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      let count: number;
      try {
        count = readSync(this.#descriptor, bytes, filled, length - filled, offset + filled);
      } catch (error) {
        throw unreadable(this.#path, error);
      }
      if (count === 0) {
        throw new AppError(
          'FORMAT_INVALID',
          `${this.fileName} ended at byte ${offset + filled} while it was read.`,
          { details: { offset, length } },
        );
      }
      filled += count;
    }
    return bytes;
  }

  #openSibling(fileName: string): OpenFile | null {
    for (const path of siblingPaths(this.#path, fileName)) {
      try {
        // A link beside the file may lead out of the store; the finder has resolved only the file itself.
        return OpenFile.#open(path, this.#budget, constants.O_NOFOLLOW);
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    }
    return null;
  }
}

/** No such file, a link, a folder: there is no sibling to read. */
function isAbsence(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== 'FILE_UNREADABLE') return false;
  const { systemCode } = error.details;
  return (
    systemCode === undefined ||
    ['ENOENT', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ENXIO'].some(
      (code) => code === systemCode,
    )
  );
}

function unreadable(path: Buffer, error: unknown): AppError {
  const systemCode = systemErrorCode(error);
  return new AppError(
    'FILE_UNREADABLE',
    `${displayName(path)} cannot be read${systemCode === undefined ? '' : ` (${systemCode})`}.`,
    {
      cause: error,
      remedy: 'Check that the file exists and may be read.',
      ...(systemCode === undefined ? {} : { details: { systemCode } }),
    },
  );
}
