import type { Config } from '../config/schema.js';
import { resolveInData } from '../files/look-roots.js';
import { StorePool } from '../files/store-pool.js';

/**
 * What is to be said of folders of an instrument that cannot be read now, in words. They are looked at in a process of
 * their own: a file server that hangs must not hang the command.
 * @param paths as they stand in the instrument, inside paths.data
 */
export async function missingFolders(
  { paths: { data } }: Config,
  paths: readonly string[],
): Promise<readonly string[]> {
  const stores = new StorePool();
  const warnings: string[] = [];
  try {
    for (const path of paths) {
      const probe = await stores.probe(data, resolveInData(data, path));
      if (probe.kind === 'store-unavailable') {
        warnings.push(`${probe.reason} Until it is there, its sessions wait.`);
      }
    }
  } finally {
    await stores.stop();
  }
  return warnings;
}
