import { isAppError } from '../../../errors.js';
import type { ExtractContext, ExtractedFile, FileSource } from '../../extractor.js';
import { unlessDamaged } from './hdf5-access.js';
import { extractedSignal, type Hdf5Dialect } from './hdf5-dialect.js';
import { Hdf5File } from './hdf5-file.js';
import { hdf5Library } from './hdf5-library.js';
import type { WithHdf5File } from './hdf5-preview.js';
import { hdf5Tags } from './hdf5-tags.js';
import { hyperspyDialect } from './hyperspy.js';
import { ncemEmdDialect } from './ncem-emd.js';
import { nexusDialect } from './nexus.js';
import { plainHdf5Dialect } from './plain-hdf5.js';
import { tofwerkDialect } from './tofwerk.js';
import { veloxDialect } from './velox.js';

/** In the order in which they are asked; the last takes everything. */
const DIALECTS: readonly Hdf5Dialect[] = [
  veloxDialect,
  hyperspyDialect,
  tofwerkDialect,
  ncemEmdDialect,
  nexusDialect,
  plainHdf5Dialect,
];
const MAX_WARNINGS = 20;

/** Reads an HDF5 file by the first dialect that knows it. Throws as Extractor.extract does. */
export async function readHdf5(
  file: FileSource,
  { timezone, previews }: ExtractContext,
): Promise<ExtractedFile> {
  const library = await hdf5Library();
  const withFile: WithHdf5File = (use) => {
    const opened = new Hdf5File(library, file);
    try {
      return use(opened);
    } finally {
      opened.close();
    }
  };
  return withFile((opened) => {
    const warnings = new Set<string>();
    const warn = (sentence: string): void => {
      if (warnings.size < MAX_WARNINGS) warnings.add(sentence);
    };
    const context = { fileName: file.fileName, timezone, warn };
    // A damaged part that one dialect looks at leaves the others their chance.
    const dialect =
      DIALECTS.find((one) => unlessDamaged(() => one.recognises(opened), warn) === true) ??
      plainHdf5Dialect;
    const { format, signals } = dialect.read(opened, context);
    const extracted = signals.map((signal) =>
      extractedSignal(signal, context, previews ? withFile : null),
    );
    return {
      format,
      signals: extracted,
      tags: tagsUnlessDamaged(opened, dialect, warn),
      warnings: [...warnings],
    };
  });
}

/** Tags lost to a damaged part cost the tags only: the signals are known by then. */
function tagsUnlessDamaged(
  file: Hdf5File,
  dialect: Hdf5Dialect,
  warn: (sentence: string) => void,
): ExtractedFile['tags'] {
  try {
    return hdf5Tags(file, (of, dataset) => dialect.tagOf?.(of, dataset), warn);
  } catch (error) {
    if (!isAppError(error) || error.code === 'FILE_UNREADABLE') throw error;
    warn(`The tags could not be read: ${error.message}`);
    return null;
  }
}
