// The entry of the thread that lists folders beside a walk.
import { workerData } from 'node:worker_threads';
import { isListerData, type ListedFolder } from './folder-lister.js';
import { listFolder } from './list-folder.js';

function listOrNull(path: string): ListedFolder['list'] {
  try {
    const { names, ...list } = listFolder(path);
    // One long text passes between threads many times faster than many short ones.
    return names.every((name) => typeof name === 'string')
      ? { ...list, joinedNames: names.join('\0') }
      : null;
  } catch {
    // The walk lists it itself, and says what is wrong.
    return null;
  }
}

const data: unknown = workerData;
if (isListerData(data)) {
  const { port, answers } = data;
  const count = new Int32Array(answers);
  port.on('message', (paths: readonly string[]) => {
    const lists = paths.map((path): ListedFolder => ({ path, list: listOrNull(path) }));
    port.postMessage(lists);
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
  });
}
