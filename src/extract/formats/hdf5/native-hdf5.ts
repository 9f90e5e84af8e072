/** What is used of the file system inside the WebAssembly module (Emscripten's FS, which lives in memory). */
export interface NativeFileSystem {
  createDataFile(
    parent: string,
    name: string,
    bytes: Uint8Array,
    canRead: boolean,
    canWrite: boolean,
    canOwn: boolean,
  ): unknown;
  lookupPath(path: string): { readonly node: NativeFileNode };
  unlink(path: string): void;
  readonly ErrnoError: new (errno: number) => Error;
}

/** A file of that file system. */
export interface NativeFileNode {
  /** Its size, bytes. */
  usedBytes: number;
  /** How it is read. */
  stream_ops: {
    readonly llseek: unknown;
    readonly read: (
      stream: unknown,
      buffer: Int8Array,
      offset: number,
      length: number,
      position: number,
    ) => number;
  };
}

/**
 * The functions of h5wasm's compiled module (its src/hdf5_util.cc) that are used here. What they give is parsed by
 * whoever calls them. Identifiers and addresses are 64-bit integers; pointers are byte offsets in HEAPU8.
 */
export interface NativeHdf5 {
  readonly FS: NativeFileSystem;
  /** The memory; another array after it has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  /** Gives an identifier, negative when the file cannot be opened. */
  open(name: string, mode: number, trackOrder: boolean, low: number, high: number): bigint;
  close_file(fileId: bigint): number;
  get_names(fileId: bigint, path: string, recursive: boolean): unknown;
  /** 0 group, 1 dataset, 2 named type, 3 link that leads nowhere, 4 link to another file, -1 nothing. */
  get_type(fileId: bigint, path: string): unknown;
  get_symbolic_link(fileId: bigint, path: string): unknown;
  get_external_link(fileId: bigint, path: string): unknown;
  get_attribute_names(fileId: bigint, path: string): unknown;
  get_attribute_metadata(fileId: bigint, path: string, name: string): unknown;
  get_attribute_data(fileId: bigint, path: string, name: string, pointer: bigint): unknown;
  get_dataset_metadata(fileId: bigint, path: string): unknown;
  get_dataset_filters(fileId: bigint, path: string): unknown;
  get_dataset_data(
    fileId: bigint,
    path: string,
    count: readonly bigint[],
    offset: readonly bigint[],
    stride: readonly bigint[],
    pointer: bigint,
  ): unknown;
  reclaim_vlen_memory(fileId: bigint, path: string, attribute: string, pointer: bigint): unknown;
  reclaim_vlen_memory_count(
    fileId: bigint,
    path: string,
    attribute: string,
    pointer: bigint,
    count: readonly bigint[],
  ): unknown;
  /** The bytes of an object reference: the address of the object in the file. */
  create_object_reference(fileId: bigint, path: string): unknown;
}

/** Settings of the module that is made (Emscripten's module arguments). */
export interface NativeHdf5Settings {
  readonly noInitialRun: boolean;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
  /** Gives the next byte of standard input; null: there is none. */
  readonly stdin: () => null;
}

/** Makes a module with a memory of its own. */
export type NativeHdf5Factory = (settings: NativeHdf5Settings) => Promise<unknown>;

const FUNCTIONS = [
  '_malloc',
  '_free',
  'open',
  'close_file',
  'get_names',
  'get_type',
  'get_symbolic_link',
  'get_external_link',
  'get_attribute_names',
  'get_attribute_metadata',
  'get_attribute_data',
  'get_dataset_metadata',
  'get_dataset_filters',
  'get_dataset_data',
  'reclaim_vlen_memory',
  'reclaim_vlen_memory_count',
  'create_object_reference',
] as const;

/** Whether a loaded module is h5wasm's: both ends are of one pinned version, so this only guards against a bad install. */
export function isNativeHdf5(value: unknown): value is NativeHdf5 {
  if (typeof value !== 'object' || value === null) return false;
  const entries = new Map<string, unknown>(
    FUNCTIONS.map((name) => [name, Reflect.get(value, name)]),
  );
  return (
    [...entries.values()].every((entry) => typeof entry === 'function') &&
    ArrayBuffer.isView(Reflect.get(value, 'HEAPU8')) &&
    typeof Reflect.get(value, 'FS') === 'object'
  );
}

/** Whether a loaded script is the one that makes such modules. */
export function isNativeHdf5Script(
  value: unknown,
): value is { readonly default: NativeHdf5Factory } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'default' in value &&
    typeof value.default === 'function'
  );
}
