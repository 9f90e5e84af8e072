// Reads a look request from stdin, looks as a user without rights (root is refused nothing), prints what was found.
import { readFileSync } from 'node:fs';
import { DirectoryIndex } from '../../dist/files/directory-index.js';
import { findSessionFiles } from '../../dist/files/find-session-files.js';

// eslint has no list of node's globals here.
const { AbortController } = globalThis;
const request = JSON.parse(readFileSync(0, 'utf8'));
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
}
const result = await findSessionFiles(request, {
  signal: new AbortController().signal,
  indexOf: () => new DirectoryIndex(),
  nowMs: Date.now(),
});
const printed =
  result.kind === 'looked'
    ? {
        kind: result.kind,
        files: result.files.map((file) => file.location),
        unreadable: result.verdicts
          .filter((one) => one.verdict === 'unreadable')
          .map((one) => one.location),
        warnings: result.warnings,
      }
    : result;
console.log(JSON.stringify(printed));
