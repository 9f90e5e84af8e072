import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { AppError, isAppError, toError } from '../../../errors.js';
import { importModule } from '../../../import-module.js';
import {
  isNativeHdf5,
  isNativeHdf5Script,
  type NativeHdf5,
  type NativeHdf5Factory,
} from './native-hdf5.js';

/**
 * Memory of the library in pages of 64 KiB (512 MiB): a file that unpacks to more is refused there, long before the
 * reader process would have to be ended.
 */
const MEMORY_PAGES = 8192;
/** WebAssembly gives no memory back: a library that has grown so large, in bytes, is not used for the next file. */
const LARGE_MEMORY_BYTES = 192 * 1024 * 1024;
/** What the C++ part says when an object is not there: nothing is broken then. */
const NOT_DEFINED = 'name not defined';
/** Each time its exception leaves a bit of the library's stack (5 MB) behind. */
const MAX_NOT_DEFINED = 500;
const MAX_LINES = 40;

/**
 * The HDF5 library (h5wasm: the C library as WebAssembly), with a memory and a file system of its own. Its file system
 * holds nothing but the file that is read, so that a link or a dataset that points to other files finds none.
 */
export class Hdf5Library {
  readonly #native: NativeHdf5;
  readonly #printed: string[];
  #isBroken = false;
  #notDefined = 0;

  private constructor(native: NativeHdf5, printed: string[]) {
    this.#native = native;
    this.#printed = printed;
  }

  /** Makes one; what it would print on the error output is kept. */
  static async create(factory: NativeHdf5Factory): Promise<Hdf5Library> {
    const printed: string[] = [];
    const print = (line: string): void => {
      if (printed.length < MAX_LINES) printed.push(line);
    };
    const native = await factory({
      noInitialRun: true,
      print,
      printErr: print,
      stdin: () => null,
    });
    if (!isNativeHdf5(native)) {
      throw new AppError('INTERNAL', 'The package h5wasm is not the expected version.', {
        remedy: 'Install recordsmith again.',
      });
    }
    return new Hdf5Library(native, printed);
  }

  /** Whether it must not be called any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether another one must be made for the next file. */
  get isSpent(): boolean {
    return (
      this.#isBroken ||
      this.#notDefined > MAX_NOT_DEFINED ||
      this.#native.HEAPU8.length > LARGE_MEMORY_BYTES
    );
  }

  /**
   * Calls the library; null: it says that the named thing does not exist. After any other exception its memory cannot be
   * trusted any more: the exception passed through C code that did not clean up.
   * @throws AppError FORMAT_INVALID with what the library says.
   */
  call<T>(what: string, use: (native: NativeHdf5) => T): T | null {
    if (this.#isBroken) {
      throw new AppError('FORMAT_INVALID', `${what}: the HDF5 library gave up on this file.`);
    }
    this.#printed.length = 0;
    try {
      return use(this.#native);
    } catch (error) {
      if (isAppError(error)) throw error;
      const reason = typeof error === 'number' ? 'out of memory' : toError(error).message;
      if (reason.includes(NOT_DEFINED)) {
        this.#notDefined += 1;
        return null;
      }
      this.#isBroken = true;
      throw new AppError('FORMAT_INVALID', `${what}: ${reason.slice(0, 200)}`, { cause: error });
    }
  }

  /** What the library said of the last failure: its innermost reason, or an empty text. */
  get lastReason(): string {
    const reasons = this.#printed.flatMap((line) => {
      const match = /^\s*#\d+: .* in \w+\(\): (.{1,200})/.exec(line);
      return match?.[1] === undefined ? [] : [match[1]];
    });
    return reasons.at(-1) ?? '';
  }
}

let loadedFactory: Promise<NativeHdf5Factory> | null = null;
let current: Hdf5Library | null = null;

async function loadFactory(): Promise<NativeHdf5Factory> {
  // The only limit that there is for the memory of a compiled module that asks for up to 2 GiB.
  setFlagsFromString(`--wasm-max-mem-pages=${MEMORY_PAGES}`);
  // Beside the package's entry, which would make one library for good and let it print.
  const script = (createRequire(import.meta.url).resolve.paths('h5wasm') ?? [])
    .map((folder) => join(folder, 'h5wasm', 'dist', 'esm', 'hdf5_util.js'))
    .find((path) => existsSync(path));
  const loaded: unknown =
    script === undefined ? null : await importModule(pathToFileURL(script).href);
  if (!isNativeHdf5Script(loaded)) {
    throw new AppError('INTERNAL', 'The package h5wasm is not the expected version.', {
      remedy: 'Install recordsmith again.',
    });
  }
  return loaded.default;
}

/**
 * The library for the next file; loaded with the first one.
 * @throws AppError INTERNAL when the package is not as expected.
 */
export async function hdf5Library(): Promise<Hdf5Library> {
  loadedFactory ??= loadFactory();
  if (current === null || current.isSpent) {
    current = null;
    current = await Hdf5Library.create(await loadedFactory);
  }
  return current;
}
