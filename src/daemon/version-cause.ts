import type { Location } from '../domain/location.js';
import { filesOfDataset, type Dataset, type DatasetFile } from '../domain/dataset.js';
import type { ExperimentRecord } from '../domain/record.js';

/** How a file stood in a version: there, gone, or read with another result. */
function filesOf(datasets: readonly Dataset[]): Map<Location, DatasetFile> {
  const files = new Map<Location, DatasetFile>();
  for (const file of datasets.flatMap(filesOfDataset)) {
    if (!files.has(file.location)) files.set(file.location, file);
  }
  return files;
}

function counted(count: number, what: string): string[] {
  if (count === 0) return [];
  return [`${count} ${count === 1 ? 'file' : 'files'} ${what}`];
}

/**
 * Why a new version was made, in words: `2 files added, 1 file missing`. What is not in the files is in the session:
 * its times, user, instrument, notes or the configuration.
 * @param outside files that are there, but not within the times of the session any more
 */
export function versionCause(
  before: readonly Dataset[],
  record: ExperimentRecord,
  outside: ReadonlySet<Location>,
): string {
  const earlier = filesOf(before);
  const now = filesOf(record.activities.flatMap((activity) => activity.datasets));
  let added = 0;
  let missing = 0;
  let out = 0;
  let found = 0;
  let changed = 0;
  for (const [location, file] of now) {
    const known = earlier.get(location);
    if (known === undefined) added += 1;
    else if (file.missingSinceMs !== null && known.missingSinceMs === null) {
      if (outside.has(location)) out += 1;
      else missing += 1;
    } else if (file.missingSinceMs === null && known.missingSinceMs !== null) found += 1;
    else if (file.mtimeNs !== known.mtimeNs || file.sizeBytes !== known.sizeBytes) changed += 1;
  }
  const removed = [...earlier.keys()].filter((location) => !now.has(location)).length;
  const causes = [
    ...counted(added, 'added'),
    ...counted(changed, 'changed'),
    ...counted(missing, 'missing'),
    ...counted(out, 'outside of the session now'),
    ...counted(found, 'found again'),
    ...counted(removed, 'left out'),
  ];
  return causes.length === 0 ? 'the session, its notes or the settings changed' : causes.join(', ');
}
