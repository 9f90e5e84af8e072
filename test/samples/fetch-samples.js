// @ts-check
// Fetches the real instrument files that tests, benchmarks and the demo use: they are the test data of Debian's
// package python3-hyperspy (GPL-3: fetched when needed, never committed, never shipped). apt checks the download
// against Debian's signatures; its hash is checked here again, so that reference values stay comparable.
//
//   node test/samples/fetch-samples.js                 exit 0: there now; 69: apt or the package cannot be had;
//                                                      65: the package is not the expected one; 70: anything else
//   node test/samples/fetch-samples.js --if-possible   says why and exits 0 when they cannot be had, unless CI=true
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, inflateRawSync } from 'node:zlib';

const PACKAGE = 'python3-hyperspy';
const VERSION = '1.7.3-1';
const SHA256 = 'a1acfca261a839074fbd8cbf29b814a27ca3ca86a17e4c7992537ac2a9b152d6';
const FOLDER_IN_PACKAGE = 'usr/lib/python3/dist-packages/hyperspy/tests/io';
/** Rises when the same package is unpacked in another way. */
const LAYOUT = 1;

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const SAMPLES = path.join(CACHE, 'samples');
const STAMP = '.complete';
const STAMP_TEXT = `${SHA256} layout ${String(LAYOUT)}\n`;

/** What went wrong, in words, with the exit code (sysexits) that says what kind it is. */
class SamplesError extends Error {
  /**
   * @param {number} exitCode
   * @param {string} message
   */
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Whether the samples of this version are there, whole. */
function isComplete() {
  try {
    return fs.readFileSync(path.join(SAMPLES, STAMP), 'utf8') === STAMP_TEXT;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Runs a program; what it prints on its error output is part of the error.
 * @param {string} program
 * @param {string[]} parameters
 * @param {string} folder
 */
function run(program, parameters, folder) {
  const result = spawnSync(program, parameters, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (result.error !== undefined) {
    throw new SamplesError(69, `${program} cannot be run: ${result.error.message}`);
  }
  if (result.status !== 0) {
    throw new SamplesError(
      69,
      `${program} ${parameters.join(' ')} failed (${String(result.status ?? result.signal)}): ${result.stderr.trim()}`,
    );
  }
}

/**
 * Downloads the package into the folder and gives its path.
 * @param {string} folder
 */
function download(folder) {
  run('apt-get', ['--quiet', 'download', `${PACKAGE}=${VERSION}`], folder);
  const name = fs.readdirSync(folder).find((entry) => entry.endsWith('.deb'));
  if (name === undefined) throw new SamplesError(69, 'apt-get left no package behind.');
  const file = path.join(folder, name);
  const digest = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  if (digest !== SHA256) {
    throw new SamplesError(65, `${name} has sha256 ${digest}, expected ${SHA256}.`);
  }
  return file;
}

/**
 * Members of a zip archive: stored or deflated, no zip64, no encryption; what the package holds. Layout: PKWARE
 * APPNOTE 4.3.12 (central directory) and 4.3.7 (local header).
 * @param {Buffer} zip
 * @returns {Generator<{ name: string, bytes: Buffer }>}
 */
function* zipMembers(zip) {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new SamplesError(65, 'a zip archive has no end record');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const method = zip.readUInt16LE(at + 10);
    const packedLength = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + packedLength);
    if (!name.endsWith('/')) {
      yield { name, bytes: method === 8 ? inflateRawSync(packed) : packed };
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

/**
 * Unpacks `x.tif.gz` to `x.tif` beside it, `x.zip` and `x.tar.gz` into the folder `x`.
 * @param {string} folder
 */
function unpackArchives(folder) {
  for (const entry of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, entry);
    if (entry.endsWith('.tar.gz')) {
      const target = file.slice(0, -'.tar.gz'.length);
      fs.mkdirSync(target, { recursive: true });
      run('tar', ['--extract', '--gzip', '--file', file], target);
    } else if (entry.endsWith('.gz')) {
      fs.writeFileSync(file.slice(0, -'.gz'.length), gunzipSync(fs.readFileSync(file)));
    } else if (entry.endsWith('.zip')) {
      const target = file.slice(0, -'.zip'.length);
      for (const { name, bytes } of zipMembers(fs.readFileSync(file))) {
        const member = path.resolve(target, name);
        if (!member.startsWith(target + path.sep)) {
          throw new SamplesError(65, `${entry} holds a member outside itself: ${name}`);
        }
        fs.mkdirSync(path.dirname(member), { recursive: true });
        fs.writeFileSync(member, bytes);
      }
    }
  }
}

/** Downloads and unpacks beside the final place, then moves there in one step. */
function fetchSamples() {
  fs.mkdirSync(CACHE, { recursive: true });
  const work = fs.mkdtempSync(path.join(CACHE, 'samples-new-'));
  try {
    const archive = download(work);
    run('dpkg-deb', ['--extract', archive, path.join(work, 'package')], work);
    const unpacked = path.join(work, 'package', FOLDER_IN_PACKAGE);
    for (const entry of fs.readdirSync(unpacked)) {
      if (/\.(py|pyc)$|^__pycache__$/.test(entry)) {
        fs.rmSync(path.join(unpacked, entry), { recursive: true });
      }
    }
    unpackArchives(unpacked);
    fs.writeFileSync(path.join(unpacked, STAMP), STAMP_TEXT);
    try {
      fs.renameSync(unpacked, SAMPLES);
    } catch (error) {
      // Another process was faster, or an older layout lies there.
      if (isComplete()) return;
      if (!fs.existsSync(SAMPLES)) throw error;
      fs.renameSync(SAMPLES, path.join(work, 'older'));
      fs.renameSync(unpacked, SAMPLES);
    }
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

const ifPossible = process.argv.includes('--if-possible') && process.env['CI'] !== 'true';
try {
  if (!isComplete()) {
    console.log(`Fetching the sample files (Debian ${PACKAGE} ${VERSION}, 27 MB)...`);
    fetchSamples();
    console.log(`The sample files are in ${path.relative(process.cwd(), SAMPLES) || '.'}.`);
  }
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(
    `The sample files cannot be had: ${message}\n` +
      `They come from Debian's package ${PACKAGE} ${VERSION} (amd64). On Debian 12 run \`apt-get update\` first;\n` +
      'tests that need them are skipped without them.',
  );
  if (!ifPossible) process.exitCode = error instanceof SamplesError ? error.exitCode : 70;
}
