import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { AppError } from '../../../errors.js';
import type { FileSource, JsonValue } from '../../extractor.js';
import {
  describeHdf5Layout,
  selectionOfAll,
  type Hdf5Dataset,
  type Hdf5Selection,
} from './hdf5-dataset.js';
import { checkReadable, MAX_READ_BYTES } from './hdf5-limits.js';
import type { Hdf5Library } from './hdf5-library.js';
import { Hdf5Mount } from './hdf5-mount.js';
import {
  holdsVariableText,
  isReadableType,
  parseHdf5Layout,
  type Hdf5Layout,
} from './hdf5-types.js';
import { decodeHdf5Text, decodeHdf5Values } from './hdf5-values.js';
import type { NativeHdf5 } from './native-hdf5.js';

/** A name in a group. */
export interface Hdf5Child {
  readonly name: string;
  readonly path: string;
  /** `link`: a symbolic one, or one to another file; those are never followed. */
  readonly kind: 'group' | 'dataset' | 'type' | 'link';
  /** Where a link leads, in words; else null. */
  readonly target: string | null;
}

/** Values of a list that is read as text and numbers. */
const MAX_VALUES = 65_536;
const MAX_GROUPS_KEPT = 64;

const names = z.array(z.string());
const bytes = z.array(z.number());
const KINDS: readonly Hdf5Child['kind'][] = ['group', 'dataset', 'type', 'link', 'link'];

/** One open HDF5 file, read through its source: every byte counts against the limit of the source. */
export class Hdf5File {
  readonly #library: Hdf5Library;
  readonly #fileName: string;
  readonly #mount: Hdf5Mount;
  readonly #fileId: bigint;
  /** Of the groups that were asked for last: dialects look at the same ones again and again. */
  readonly #children = new Map<string, readonly Hdf5Child[]>();
  /** Of the object that was asked for last. */
  #lastNames: { readonly path: string; readonly names: readonly string[] } | null = null;

  /** @throws AppError FORMAT_INVALID when it is no HDF5 file or a damaged one; else as FileSource.read. */
  constructor(library: Hdf5Library, file: FileSource) {
    this.#library = library;
    this.#fileName = file.fileName;
    this.#mount = new Hdf5Mount(library, file);
    try {
      const fileId = this.#call('the file', (native) =>
        native.open(this.#mount.path, 0, false, -1, -1),
      );
      if (fileId === null || fileId < 0n) throw this.#invalid('the file');
      this.#fileId = fileId;
    } catch (error) {
      this.#mount.unmount();
      throw error;
    }
  }

  /** Closes it; a library that gave up on it is not used again anyway. */
  close(): void {
    if (this.#library.isBroken) return;
    this.#library.call('closing', (native) => native.close_file(this.#fileId));
    this.#mount.unmount();
  }

  /** What lies in a group, in the library's order; null: there is no such group. */
  children(path: string): readonly Hdf5Child[] | null {
    const kept = this.#children.get(path);
    if (kept !== undefined) return kept;
    const found = this.#call(path, (native) => native.get_names(this.#fileId, path, false));
    const parsed = names.safeParse(found);
    if (!parsed.success) return null;
    const prefix = path === '/' ? '/' : `${path}/`;
    const children = parsed.data.map((name) => this.#child(name, `${prefix}${name}`));
    if (this.#children.size >= MAX_GROUPS_KEPT) this.#children.clear();
    this.#children.set(path, children);
    return children;
  }

  /** What lies at a path, symbolic links in the file followed; null: nothing. */
  kindOf(path: string): Hdf5Child['kind'] | null {
    const type = this.#call(path, (native) => native.get_type(this.#fileId, path));
    return typeof type === 'number' ? (KINDS[type] ?? null) : null;
  }

  /** The address of an object: the same for all names that it has. */
  addressOf(path: string): string {
    const reference = bytes.safeParse(
      this.#call(path, (native) => native.create_object_reference(this.#fileId, path)),
    );
    // Zeros: the object cannot be found.
    return reference.data?.some((byte) => byte !== 0) === true ? reference.data.join('.') : path;
  }

  /** Names of the attributes of an object; none where there is no such object. */
  attributeNames(path: string): readonly string[] {
    if (this.#lastNames?.path !== path) {
      const found = this.#call(path, (native) => native.get_attribute_names(this.#fileId, path));
      this.#lastNames = { path, names: names.safeParse(found).data ?? [] };
    }
    return this.#lastNames.names;
  }

  /**
   * An attribute: a single value, or all values as a list (of several axes one after another); undefined: there is
   * none. A long or unreadable one is described in a few words.
   */
  attribute(path: string, name: string): JsonValue | undefined {
    // To ask the library for what is not there costs it a bit of its stack for good.
    if (!this.attributeNames(path).includes(name)) return undefined;
    const what = `attribute ${name} of ${path}`;
    const raw = this.#call(what, (native) =>
      native.get_attribute_metadata(this.#fileId, path, name),
    );
    if (raw === null) return undefined;
    const layout = parseHdf5Layout(raw);
    if (layout === null) return null;
    return this.#values(what, layout, {
      fill: (native, pointer) => native.get_attribute_data(this.#fileId, path, name, pointer),
      reclaim: (native, pointer) => native.reclaim_vlen_memory(this.#fileId, path, name, pointer),
    });
  }

  /** A dataset, or null where there is none or its lengths make no sense. */
  dataset(path: string): Hdf5Dataset | null {
    if (this.kindOf(path) !== 'dataset') return null;
    const layout = parseHdf5Layout(
      this.#call(path, (native) => native.get_dataset_metadata(this.#fileId, path)),
    );
    if (layout === null) return null;
    return { ...layout, path, shape: layout.shape ?? [] };
  }

  /** All values of a small dataset, as `attribute` gives them. */
  value(dataset: Hdf5Dataset): JsonValue {
    if (dataset.count === 0) return dataset.shape.length === 0 ? null : [];
    const all = selectionOfAll(dataset.shape);
    this.#checkReadable(dataset);
    return this.#values(dataset.path, dataset, {
      fill: (native, pointer) => this.#fill(native, dataset, all, pointer),
      reclaim: (native, pointer) =>
        native.reclaim_vlen_memory_count(
          this.#fileId,
          dataset.path,
          '',
          pointer,
          all.count.map(BigInt),
        ),
    });
  }

  /**
   * The bytes of selected values, little-endian, as a copy of its own.
   * @throws AppError FORMAT_INVALID when they cannot be read, LIMIT_EXCEEDED when they are too many; else as
   * FileSource.read.
   */
  read(dataset: Hdf5Dataset, selection: Hdf5Selection): Buffer {
    this.#checkReadable(dataset);
    const count = selection.count.reduce((product, axis) => product * axis, 1);
    return this.#withMemory(dataset.path, count * dataset.type.sizeBytes, (native, pointer) => {
      this.#check(dataset.path, this.#fill(native, dataset, selection, BigInt(pointer)));
      const bytes = count * dataset.type.sizeBytes;
      return Buffer.from(native.HEAPU8.slice(pointer, pointer + bytes).buffer);
    });
  }

  #child(name: string, path: string): Hdf5Child {
    const target = this.#call(path, (native) => native.get_symbolic_link(this.#fileId, path));
    if (typeof target === 'string') return { name, path, kind: 'link', target };
    const kind = this.kindOf(path) ?? 'link';
    if (kind !== 'link') return { name, path, kind, target: null };
    const outside = z
      .object({ filename: z.string(), obj_path: z.string() })
      .safeParse(this.#call(path, (native) => native.get_external_link(this.#fileId, path)));
    return {
      name,
      path,
      kind,
      target: outside.success ? `${outside.data.filename}:${outside.data.obj_path}` : 'nothing',
    };
  }

  #fill(
    native: NativeHdf5,
    dataset: Hdf5Dataset,
    selection: Hdf5Selection,
    pointer: bigint,
  ): unknown {
    return native.get_dataset_data(
      this.#fileId,
      dataset.path,
      selection.count.map(BigInt),
      selection.offset.map(BigInt),
      selection.stride.map(BigInt),
      pointer,
    );
  }

  #checkReadable(dataset: Hdf5Dataset): void {
    const filters = this.#call(dataset.path, (native) =>
      native.get_dataset_filters(this.#fileId, dataset.path),
    );
    checkReadable(this.#fileName, dataset, filters);
  }

  #values(
    what: string,
    layout: Hdf5Layout,
    access: {
      readonly fill: (native: NativeHdf5, pointer: bigint) => unknown;
      readonly reclaim: (native: NativeHdf5, pointer: bigint) => unknown;
    },
  ): JsonValue {
    const { type, count, shape } = layout;
    if (shape === null) return null;
    if (!isReadableType(type) || count > MAX_VALUES) return describeHdf5Layout(layout);
    const values = this.#withMemory(what, count * type.sizeBytes, (native, pointer) => {
      this.#check(what, access.fill(native, BigInt(pointer)));
      const bytes = Buffer.from(
        native.HEAPU8.slice(pointer, pointer + count * type.sizeBytes).buffer,
      );
      try {
        return decodeHdf5Values(type, bytes, count, (text) => textAt(native, text));
      } finally {
        if (holdsVariableText(type)) access.reclaim(native, BigInt(pointer));
      }
    });
    return shape.length === 0 ? (values[0] ?? null) : values;
  }

  /** Lends memory of the library, zeroed. */
  #withMemory<T>(what: string, bytes: number, use: (native: NativeHdf5, pointer: number) => T): T {
    if (bytes > MAX_READ_BYTES) {
      throw new AppError(
        'LIMIT_EXCEEDED',
        `${this.#fileName}: ${what} holds ${bytes} bytes; ${MAX_READ_BYTES} can be read at once.`,
        { details: { limit: 'bytes', bytes } },
      );
    }
    const answer = this.#call(what, (native) => {
      const pointer = native._malloc(Math.max(8, bytes));
      if (pointer === 0) throw this.#invalid(what, 'out of memory');
      try {
        native.HEAPU8.fill(0, pointer, pointer + bytes);
        return { value: use(native, pointer) };
      } finally {
        native._free(pointer);
      }
    });
    if (answer === null) throw this.#invalid(what, 'it does not exist');
    return answer.value;
  }

  #check(what: string, status: unknown): void {
    if (typeof status === 'number' && status >= 0) return;
    throw this.#mount.takeFailure() ?? this.#invalid(what);
  }

  #invalid(what: string, reason = this.#library.lastReason): AppError {
    return new AppError(
      'FORMAT_INVALID',
      `${this.#fileName}: ${what} cannot be read${reason === '' ? '' : ` (${reason})`}.`,
    );
  }

  /** Null: the library says that the named thing does not exist. */
  #call<T>(what: string, use: (native: NativeHdf5) => T): T | null {
    const answer = this.#library.call(`${this.#fileName}: ${what}`, use);
    const failure = this.#mount.takeFailure();
    if (failure !== null) throw failure;
    return answer;
  }
}

function textAt(native: NativeHdf5, pointer: number): string {
  if (pointer === 0) return '';
  const end = native.HEAPU8.indexOf(0, pointer);
  const bytes = native.HEAPU8.subarray(pointer, end < 0 ? pointer : end);
  return decodeHdf5Text(Buffer.from(bytes));
}
