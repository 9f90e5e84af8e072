import type { JsonValue } from '../../extractor.js';
import { datasetJson, isList, memberOf, textOf } from './hdf5-access.js';
import type { Hdf5File } from './hdf5-file.js';

/** What Velox calls the data of a group. */
export interface VeloxName {
  readonly title: string;
  /** Computed by Velox from other data. */
  readonly isDerived: boolean;
}

/** Kinds of operations, with the place of the path of their data and what Velox calls the outcome. */
const OPERATIONS: readonly {
  readonly kind: string;
  readonly paths: readonly string[];
  readonly isDerived: boolean;
  readonly title: (operation: JsonValue) => string | null;
}[] = [
  {
    kind: 'StemInputOperation',
    paths: ['dataPath'],
    isDerived: false,
    title: (operation) => textOf(memberOf(operation, 'detector')),
  },
  {
    kind: 'CameraInputOperation',
    paths: ['dataPath'],
    isDerived: false,
    title: (operation) => textOf(memberOf(operation, 'cameraName')),
  },
  {
    kind: 'SurfaceReconstructionOperation',
    paths: ['dataPath', 'unfilteredDataPath'],
    isDerived: true,
    title: (operation) => (memberOf(operation, 'integrationMode') === 'true' ? 'iDPC' : 'dDPC'),
  },
  {
    kind: 'MathematicsOperation',
    paths: ['dataPath'],
    isDerived: true,
    title: (operation) => {
      const outputs = memberOf(operation, 'outputs');
      const input = memberOf(isList(outputs) ? outputs[0] : undefined, 'inputIndex');
      return input === '0' ? 'A-C' : input === '1' ? 'B-D' : null;
    },
  },
  { kind: 'DpcOperation', paths: ['dataPath'], isDerived: true, title: () => 'DPC' },
  { kind: 'IntegrationOperation', paths: ['dataPath'], isDerived: true, title: () => 'DCFI' },
  { kind: 'FftOperation', paths: ['imageOutputPath'], isDerived: true, title: () => 'FFT' },
];
const MAX_OPERATIONS = 500;

/**
 * The names of data groups by their paths (`/Data/Image/...`): the labels of the displays that show them, else what the
 * operations that made them are.
 */
export function veloxNames(file: Hdf5File): ReadonlyMap<string, VeloxName> {
  const names = new Map<string, VeloxName>();
  for (const { kind, paths, isDerived, title } of OPERATIONS) {
    for (const operation of documentsIn(file, `/Operations/${kind}`)) {
      for (const path of paths) {
        const place = textOf(memberOf(operation, path));
        const found = title(operation);
        if (place !== null && found !== null && !names.has(place)) {
          names.set(place, { title: found, isDerived });
        }
      }
    }
  }
  for (const display of documentsIn(file, '/Presentation/Displays/ImageDisplay')) {
    const place = textOf(memberOf(display, 'dataPath'));
    const label = textOf(memberOf(display, 'display', 'label'));
    if (place === null || label === null) continue;
    names.set(place, { title: unescaped(label), isDerived: names.get(place)?.isDerived ?? false });
  }
  return names;
}

function documentsIn(file: Hdf5File, path: string): readonly JsonValue[] {
  if (file.kindOf(path) !== 'group') return [];
  const found = (file.children(path) ?? []).filter(({ kind }) => kind === 'dataset');
  return found.slice(0, MAX_OPERATIONS).flatMap((child) => datasetJson(file, child.path) ?? []);
}

/** Labels are written as in addresses: `DCFI%28Ceta%29`. */
function unescaped(label: string): string {
  try {
    return decodeURIComponent(label);
  } catch {
    return label;
  }
}
