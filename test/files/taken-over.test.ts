import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  END_MS,
  FileStore,
  look,
  lookRequest,
  makeClaim,
  START_MS,
  verdictsOf,
} from '../support/file-store.js';

const DAY_MS = 86_400_000;
const FAR_MS = END_MS + DAY_MS;

let store: FileStore;

beforeEach(() => {
  store = new FileStore();
  store.write('titan/mine.dm3');
  store.write('titan/soon-after.dm3', END_MS + 60_000);
  store.write('titan/far.dm3', FAR_MS);
});
afterEach(() => store.remove());

const recorded = ['/titan/far.dm3', '/titan/soon-after.dm3', '/titan/gone.dm3'];
const next = makeClaim({ sessionIdentifier: 'next', startMs: END_MS, endMs: FAR_MS });

test('files of the record outside the session are of the session that they lie in, however far', async () => {
  const result = await look(lookRequest(store.path, { recorded, neighbours: [next] }));
  expect(verdictsOf(result)).toEqual([
    '/titan/far.dm3: other session',
    '/titan/mine.dm3: in',
    '/titan/soon-after.dm3: other session',
  ]);
  expect([...result.takenOver].sort()).toEqual(['/titan/far.dm3', '/titan/soon-after.dm3']);
  const rules = result.verdicts.map(({ rule }) => rule).join();
  expect(rules).toContain('written 24:00:00 after END; belongs to another session');
  expect(rules).not.toContain('next');
});

test('without such a session their verdict says how far they lie outside', async () => {
  const result = await look(lookRequest(store.path, { recorded }));
  expect(verdictsOf(result)).toEqual([
    '/titan/far.dm3: after end',
    '/titan/mine.dm3: in',
    '/titan/soon-after.dm3: after end',
  ]);
  expect(result.takenOver).toEqual([]);
});

test('files outside that no record holds are only outside', async () => {
  const before = makeClaim({ sessionIdentifier: 'before', startMs: 0, endMs: START_MS });
  store.write('titan/early.dm3', START_MS - 60_000);
  const result = await look(lookRequest(store.path, { neighbours: [before, next] }));
  expect(verdictsOf(result)).toEqual([
    '/titan/early.dm3: before start',
    '/titan/mine.dm3: in',
    '/titan/soon-after.dm3: after end',
  ]);
});

test('a file of the record that a person included stays', async () => {
  const result = await look(
    lookRequest(store.path, { recorded, included: ['/titan/far.dm3'], neighbours: [next] }),
  );
  expect(result.files.map(({ name }) => name)).toEqual(['mine.dm3', 'far.dm3']);
});
