import { File, FS, ready, type Group } from 'h5wasm';

let made = 0;

/** The bytes of an HDF5 file that h5wasm writes in memory. */
export async function buildHdf5(write: (file: File) => void): Promise<Buffer> {
  await ready;
  made += 1;
  const name = `/built-${made}.h5`;
  const file = new File(name, 'w');
  try {
    write(file);
  } finally {
    file.close();
  }
  if (FS === null) throw new Error('h5wasm has no file system.');
  const bytes = Buffer.from(FS.readFile(name));
  FS.unlink(name);
  return bytes;
}

/** Adds attributes: texts of variable length, numbers as float64, lists of texts. */
export function setAttributes(
  group: Pick<Group, 'create_attribute'>,
  attributes: Readonly<Record<string, string | number | string[]>>,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'number') group.create_attribute(name, value, [], '<d');
    else group.create_attribute(name, value);
  }
}

/** A document as Velox keeps it: a column of bytes a frame, each ended by NUL. */
export function veloxDocument(group: Group, name: string, document: unknown, frames = 1): void {
  const text = Buffer.from(JSON.stringify(document), 'utf8');
  const rows = text.length + 100;
  const data = new Uint8Array(rows * frames);
  for (const [row, byte] of text.entries()) {
    for (let frame = 0; frame < frames; frame += 1) data[row * frames + frame] = byte;
  }
  group.create_dataset({ name, data, shape: [rows, frames], dtype: '<B' });
}
