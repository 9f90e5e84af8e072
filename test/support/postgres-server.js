// @ts-check
// Plain JavaScript: Jest's global set-up runs before its own transforms.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A PostgreSQL server of the tests: the address of its maintenance database, as a superuser, and its end.
 * `restart` ends it as an administrator does, and starts it again on the same port.
 * @typedef {{ readonly url: string, stop(): Promise<void>, restart(): Promise<void> }} PostgresServer
 */

/** Where Debian and others put the server's programs, newest version first. @returns {string | null} */
function binaryFolder() {
  const configured = process.env['POSTGRES_BIN'];
  if (configured !== undefined) return configured;
  const roots = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/homebrew/opt', '/usr/local/opt'];
  for (const root of roots) {
    if (!existsSync(root)) continue;
    const versions = readdirSync(root)
      .filter((name) => /^(postgresql@)?\d+$/.test(name))
      .sort((a, b) => Number(b.replace(/\D/g, '')) - Number(a.replace(/\D/g, '')));
    for (const version of versions) {
      const folder = join(root, version, 'bin');
      if (existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) return folder;
    }
  }
  return null;
}

/** The server refuses to run as root, so root starts it as another user. @returns {{ uid: number, gid: number } | null} */
function serverUser() {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const found = spawnSync('id', ['-u', name], { encoding: 'utf8' });
    if (found.status !== 0) continue;
    const gid = execFileSync('id', ['-g', name], { encoding: 'utf8' });
    return { uid: Number(found.stdout), gid: Number(gid) };
  }
  throw new Error('PostgreSQL cannot run as root and there is no user postgres or nobody.');
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}

/** @param {import('node:child_process').ChildProcess} server @returns {Promise<void>} */
function ready(server) {
  return new Promise((resolve, reject) => {
    let output = '';
    server.stderr?.setEncoding('utf8').on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
      if (output.includes('ready to accept connections')) resolve();
    });
    server.once('exit', (code) => {
      reject(new Error(`PostgreSQL ended with ${String(code)}:\n${output}`));
    });
  });
}

/**
 * What tests need not wait for; benchmarks measure with it.
 */
const NOT_DURABLE = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

/**
 * Starts an own PostgreSQL server on a free port with its data in a temporary folder, in about 0.6 s.
 * @param {{ durable?: boolean }} [options] durable: commits reach the disk, as in production
 * @returns {Promise<PostgresServer | null>} null when no server program is installed
 */
export async function startPostgres({ durable = false } = {}) {
  const binaries = binaryFolder();
  if (binaries === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-postgres-'));
  const user = serverUser();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const options = { cwd: folder, env: { HOME: folder, LC_ALL: 'C' }, ...user };
  const data = join(folder, 'data');
  const initialised = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { ...options, encoding: 'utf8' },
  );
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`);
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
  ];
  if (!durable) settings.push(...NOT_DURABLE);
  const start = async () => {
    const server = spawn(
      join(binaries, 'postgres'),
      ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ended = new Promise((resolve) => server.once('exit', () => resolve(undefined)));
    await ready(server);
    return async () => {
      server.kill('SIGINT');
      await ended;
    };
  };
  let end = await start();
  return {
    url: `postgres://postgres@127.0.0.1:${String(port)}/postgres`,
    restart: async () => {
      await end();
      end = await start();
    },
    stop: async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
