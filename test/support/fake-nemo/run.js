// @ts-check
// npm run fake-nemo [-- PORT [TIME_ZONE]]      default 8990 America/New_York
//
// A NEMO to rehearse with: a page at / enables and disables tools, the API is below /api/. It forgets everything when it
// ends. Node 20 does not run TypeScript, so the modules are compiled with swc into .cache/fake-nemo/ first.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const folder = new URL('./', import.meta.url);
const compiled = new URL('../../../.cache/fake-nemo/', import.meta.url);

mkdirSync(compiled, { recursive: true });
for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
  const { code } = await transformFile(fileURLToPath(new URL(file, folder)), {
    swcrc: false,
    module: { type: 'es6' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  writeFileSync(new URL(`${file.slice(0, -3)}.js`, compiled), code);
}

const [port = '8990', timeZone = 'America/New_York'] = process.argv.slice(2);
const { rehearse } = await import(new URL('rehearsal.js', compiled).href);
const nemo = await rehearse(Number(port), timeZone);
console.log(`Page:     ${new URL('/', nemo.baseUrl).href}`);
console.log(`Base URL: ${nemo.baseUrl}`);
console.log(`Token:    ${nemo.token}`);
