// @ts-check
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/*
 * Makes the program of the built modules: with its libraries in a few files it starts in half the time that hundreds of
 * modules take to be found and loaded. Programs that import recordsmith as a library get the modules themselves.
 */
const outdir = 'dist/program';

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

const { metafile } = await build({
  metafile: true,
  entryPoints: [
    'dist/cli/recordsmith.js',
    'dist/extract/reader-process.js',
    'dist/files/store-process.js',
  ],
  outdir,
  // All files beside each other and as deep as the modules are, so that both find migrations and schemas alike.
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'linked',
  external: [...NATIVE, ...OTHER_DRIVERS],
  // Libraries in the older module format ask for node's own modules by `require`.
  banner: {
    js: "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});

// The parts of an earlier build, after the new ones are there: whoever starts the program meanwhile finds one of the two.
const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync(outdir)) {
  if (!made.has(name)) rmSync(join(outdir, name), { recursive: true });
}
