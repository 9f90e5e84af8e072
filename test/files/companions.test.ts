import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileStore, look, lookRequest, verdictsOf } from '../support/file-store.js';

let store: FileStore;

beforeEach(() => {
  store = new FileStore();
  mkdirSync(join(store.path, 'titan'));
});
afterEach(() => store.remove());

test('where people use the names, too, a companion is one only by what it holds', async () => {
  store.write('titan/a.tif');
  store.write('titan/a.txt', undefined, '$CM_FORMAT x\n$SEM_DATA_VERSION 1\n');
  store.write('titan/b.tif');
  store.write('titan/b.txt', undefined, 'My notes on the picture.\n');
  store.write('titan/c.tif');
  store.write('titan/c.txt', undefined, Array.from('[SEM_DATA_VERSION]').join('\0'));
  const companions = [
    { main: String.raw`(.+)\.tiff?`, companions: ['$1.txt'], holds: 'SEM_DATA_VERSION' },
  ];
  expect(verdictsOf(await look(lookRequest(store.path, { companions })))).toEqual([
    '/titan/a.tif: in',
    '/titan/a.txt: companion',
    '/titan/b.tif: in',
    '/titan/b.txt: in',
    '/titan/c.tif: in',
    '/titan/c.txt: companion',
  ]);
});

test('a file that only shares the name of a companion still follows the other rules', async () => {
  store.write('titan/b.tif');
  store.write('titan/b.txt', undefined, 'My notes on the picture.\n');
  const request = lookRequest(store.path, {
    companions: [{ main: '(.+)\\.tif', companions: ['$1.txt'], holds: 'SEM_DATA_VERSION' }],
    ignorePatterns: ['*.txt'],
  });
  expect(verdictsOf(await look(request))).toEqual(['/titan/b.tif: in', '/titan/b.txt: ignored']);
});
