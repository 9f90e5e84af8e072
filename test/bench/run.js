// @ts-check
/*
 * npm run bench            all benchmarks, one after the other, each in its own process
 * npm run bench -- NAME    one of them (a JSON result goes to .cache/bench/NAME.json)
 *
 * How to add one: test/bench/<name>.ts, strict TypeScript like a test, exporting
 *
 *   export async function run(): Promise<BenchResult>      (type in ./bench-result.ts, imported as './bench-result.js')
 *
 * Product code is imported as in a test, `../../src/<room>/<file>.js`, and means the built code in dist/ (npm run bench
 * builds first); `../support/` as in a test, too. Each benchmark checks its result before its time counts and throws when the
 * result is wrong. Inputs are generated, never committed. The modules are compiled with swc (types are checked by
 * `npm run typecheck`) into .cache/bench/compiled/, because Node 20 does not run TypeScript. Labs are made in .cache/bench/,
 * since the folder for temporary files may be in memory, where making a file durable costs nothing.
 * Exit code: 0 all figures reached, 1 a figure missed or a result wrong, 64 unknown name.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

// What is timed starts without what is for node itself: extra certificates alone double the time in which node starts.
delete process.env['NODE_EXTRA_CA_CERTS'];
delete process.env['NODE_OPTIONS'];

const folder = new URL('./', import.meta.url);
const output = new URL('../../.cache/bench/', import.meta.url);
const compiled = new URL('compiled/', output);

const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
const names = [];
for (const file of files) {
  const text = await readFile(new URL(file, folder), 'utf8');
  if (text.includes('export async function run(')) names.push(file.slice(0, -3));
}

/** Compiles the modules of this folder and of the tests' support; the built product code is four folders further up. */
async function compile() {
  for (const room of ['bench', 'support']) {
    const from = new URL(`../${room}/`, folder);
    const to = new URL(`${room}/`, compiled);
    await mkdir(to, { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true })) {
      // No benchmark uses the folders of the support.
      if (entry.isDirectory()) continue;
      const file = entry.name;
      if (!file.endsWith('.ts')) {
        await copyFile(new URL(file, from), new URL(file, to));
        continue;
      }
      const { code } = await transformFile(fileURLToPath(new URL(file, from)), {
        swcrc: false,
        module: { type: 'es6' },
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      });
      const rooted = code.replaceAll(/(['"])\.\.\/\.\.\/src\//g, '$1../../../../dist/');
      await writeFile(new URL(`${file.slice(0, -3)}.js`, to), rooted);
    }
  }
}

/** @param {string} name */
async function runOne(name) {
  const { run } = await import(new URL(`bench/${name}.js`, compiled).href);
  /** @type {import('./bench-result.js').BenchResult} */
  const result = await run();
  const table = result.rows.map((row) => [
    row.label,
    row.value.toLocaleString('en', { maximumFractionDigits: 3, useGrouping: false }),
    row.unit,
    row.target ?? '',
    row.pass === undefined ? '' : row.pass ? 'ok' : 'MISSED',
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  console.log(`\n${result.name}`);
  for (const cells of table) {
    const padded = cells.map((cell, column) =>
      column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    console.log(`  ${padded.join('  ').trimEnd()}`);
  }
  await writeFile(new URL(`${name}.json`, output), `${JSON.stringify(result, null, 2)}\n`);
  return result.rows.every((row) => row.pass !== false);
}

const [wanted] = process.argv.slice(2);
if (wanted !== undefined && !names.includes(wanted)) {
  console.error(`No benchmark is called "${wanted}". There are: ${names.join(', ')}.`);
  process.exitCode = 64;
} else if (wanted !== undefined) {
  await compile();
  process.exitCode = (await runOne(wanted)) ? 0 : 1;
} else {
  let reached = true;
  for (const name of names) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], {
      stdio: 'inherit',
    });
    reached &&= child.status === 0;
  }
  process.exitCode = reached ? 0 : 1;
}
