// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { codeCacheOf } from '../dist/processes/run-bundle.js';

/*
 * Makes the program of the built modules: each process is one file with its libraries, run from V8's code cache, so that a
 * short run takes half the time that hundreds of modules take to be found, loaded and compiled. Programs that import
 * recordsmith as a library get the modules themselves.
 */
const outdir = resolve('dist/program');

const PROCESSES = {
  recordsmith: 'dist/cli/recordsmith.js',
  'child-process': 'dist/child-process.js',
};
/** Drivers that knex would load for databases that recordsmith does not know. */
const OTHER_DRIVERS = [
  'mariadb',
  'mysql',
  'mysql2',
  'oracledb',
  'pg-query-stream',
  'sqlite3',
  'tedious',
];
/** Libraries with native or WebAssembly code, which find their parts beside themselves. */
const NATIVE = ['@resvg/resvg-js', 'better-sqlite3', 'libxml2-wasm', 'pg', 'sharp'];

/** The file that stays by itself, so that node's own loader runs it: there import() works. */
const IMPORT_MODULE = 'import-module.js';

/** A thread is small enough to be compiled when it starts. */
const LISTER_THREAD = 'lister-thread.js';

/** Where a file lies, which import.meta says in modules alone. */
const URL_OF_FILE = 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;';

/** @type {import('esbuild').BuildOptions} */
const options = {
  bundle: true,
  define: { 'import.meta.url': 'bundleUrl' },
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  minifyWhitespace: true,
  legalComments: 'linked',
  external: [...NATIVE, ...OTHER_DRIVERS],
  outdir,
  logLevel: 'warning',
};

/**
 * Writes a file in one step: whoever starts the program meanwhile finds the old one or the new one.
 * @param {string} path
 * @param {string} text
 */
function replaceFile(path, text) {
  writeFileSync(`${path}.new`, text, { mode: 0o755 });
  renameSync(`${path}.new`, path);
}

const { metafile } = await build({
  ...options,
  metafile: true,
  entryPoints: PROCESSES,
  // Where a bundle lies is known from the parameters of a CommonJS module. Modules are strict, which a script is not.
  banner: {
    js: `(function(exports,require,module,__filename,__dirname){"use strict";${URL_OF_FILE}`,
  },
  footer: { js: '})' },
  // Libraries that are loaded when they are needed: by require, since code from a cache cannot import.
  supported: { 'dynamic-import': false },
  plugins: [
    {
      name: 'import-module',
      setup(bundler) {
        bundler.onResolve({ filter: /\/import-module\.js$/ }, () => ({
          path: `./${IMPORT_MODULE}`,
          external: true,
        }));
      },
    },
    {
      name: 'child-entry',
      setup(bundler) {
        bundler.onLoad({ filter: /\/dist\/child-entry\.js$/ }, async ({ path }) => ({
          contents: (await readFile(path, 'utf8')).replace('./program/', './'),
        }));
      },
    },
  ],
  // The name says what is in it: a cache never meets another bundle than its own.
  entryNames: '[name]-[hash]',
});
const { outputFiles: starters } = await build({
  ...options,
  write: false,
  legalComments: 'none',
  banner: { js: `#!/usr/bin/env node\n${URL_OF_FILE}` },
  entryPoints: {
    starter: 'dist/processes/run-bundle.js',
    import: `dist/${IMPORT_MODULE}`,
    lister: `dist/files/${LISTER_THREAD}`,
  },
});
/** @param {string} name */
function textOf(name) {
  const file = starters.find(({ path }) => basename(path) === name);
  if (file === undefined) throw new Error(`${name} was not made.`);
  return file.text;
}

const made = new Set(['package.json', IMPORT_MODULE, LISTER_THREAD]);
replaceFile(join(outdir, 'package.json'), '{ "type": "commonjs" }\n');
replaceFile(join(outdir, IMPORT_MODULE), textOf('import.js'));
replaceFile(join(outdir, LISTER_THREAD), textOf('lister.js'));
const starter = textOf('starter.js');
const bundles = Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) => {
  made.add(basename(path));
  const name = Object.entries(PROCESSES).find(([, entry]) => entry === entryPoint)?.[0];
  if (name === undefined) return [];
  const call = `module.exports.runBundle(require('node:path').join(__dirname,${JSON.stringify(basename(path))}));`;
  replaceFile(join(outdir, `${name}.js`), `${starter}${call}\n`);
  made.add(`${name}.js`);
  return [resolve(path)];
});

/** Runs the program as it is mostly used; each process leaves what it compiled as the cache of its bundle. */
function recordCodeCaches() {
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-build-'));
  const hook = new URL('record-code-cache.js', import.meta.url).href;
  try {
    for (const args of [
      ['demo', '--dir', 'lab'],
      ['--run-once', '--config', 'lab/recordsmith.yaml'],
    ]) {
      spawnSync(process.execPath, [join(outdir, 'recordsmith.js'), ...args], {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: `--import=${hook}` },
        stdio: 'ignore',
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const caches = bundles.map(codeCacheOf);
if (!caches.every((cache) => existsSync(cache))) {
  // All are made anew: how the program starts its child processes belongs to the program, and decides about their caches.
  for (const cache of caches) rmSync(cache, { force: true });
  recordCodeCaches();
}
const missing = caches.filter((cache) => !existsSync(cache));
if (missing.length > 0) {
  throw new Error(
    `No code cache came out for ${missing.join(', ')}: does 'recordsmith demo' work?`,
  );
}
for (const cache of caches) made.add(basename(cache));

// The parts of an earlier build.
for (const name of readdirSync(outdir)) {
  if (!made.has(name)) rmSync(join(outdir, name), { recursive: true });
}
