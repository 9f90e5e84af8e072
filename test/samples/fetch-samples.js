// @ts-check
// Fetches the real instrument files that tests, benchmarks and the demo use: they are the test data of Debian's
// packages python3-hyperspy (GPL-3) and python3-pydicom (MIT): fetched when needed, never committed, never shipped. apt
// checks the downloads against Debian's signatures; their hashes are checked here again, so that reference values stay
// comparable.
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

/**
 * A package, and where its samples lie in it and here. The layout rises when the same package is unpacked in another way.
 * @typedef {{ name: string, version: string, sha256: string, size: string, inPackage: string, here: string,
 *   layout: number }} SamplePackage
 */
/** @type {readonly SamplePackage[]} */
const PACKAGES = [
  {
    name: 'python3-hyperspy',
    version: '1.7.3-1',
    sha256: 'a1acfca261a839074fbd8cbf29b814a27ca3ca86a17e4c7992537ac2a9b152d6',
    size: '27 MB',
    inPackage: 'usr/lib/python3/dist-packages/hyperspy/tests/io',
    here: 'samples',
    layout: 1,
  },
  {
    name: 'python3-pydicom',
    version: '2.3.1-1',
    sha256: 'fc00b7d2a85c136fddc4430d451d069f6d8b93138ed2523011646756208b0287',
    size: '1 MB',
    inPackage: 'usr/lib/python3/dist-packages/pydicom/data',
    here: 'samples-dicom',
    layout: 1,
  },
];

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const STAMP = '.complete';

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

/**
 * Where the samples of a package lie.
 * @param {SamplePackage} source
 */
function folderOf(source) {
  return path.join(CACHE, source.here);
}

/**
 * What the stamp beside complete samples says.
 * @param {SamplePackage} source
 */
function stampOf(source) {
  return `${source.sha256} layout ${String(source.layout)}\n`;
}

/**
 * Whether the samples of this version are there, whole.
 * @param {SamplePackage} source
 */
function isComplete(source) {
  try {
    return fs.readFileSync(path.join(folderOf(source), STAMP), 'utf8') === stampOf(source);
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
 * @param {SamplePackage} source
 * @param {string} folder
 */
function download(source, folder) {
  run('apt-get', ['--quiet', 'download', `${source.name}=${source.version}`], folder);
  const name = fs.readdirSync(folder).find((entry) => entry.endsWith('.deb'));
  if (name === undefined) throw new SamplesError(69, 'apt-get left no package behind.');
  const file = path.join(folder, name);
  const digest = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  if (digest !== source.sha256) {
    throw new SamplesError(65, `${name} has sha256 ${digest}, expected ${source.sha256}.`);
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

/**
 * Downloads and unpacks beside the final place, then moves there in one step.
 * @param {SamplePackage} source
 */
function fetchSamples(source) {
  const samples = folderOf(source);
  fs.mkdirSync(CACHE, { recursive: true });
  const work = fs.mkdtempSync(path.join(CACHE, 'samples-new-'));
  try {
    const archive = download(source, work);
    run('dpkg-deb', ['--extract', archive, path.join(work, 'package')], work);
    const unpacked = path.join(work, 'package', source.inPackage);
    for (const entry of fs.readdirSync(unpacked)) {
      if (/\.(py|pyc)$|^__pycache__$/.test(entry)) {
        fs.rmSync(path.join(unpacked, entry), { recursive: true });
      }
    }
    unpackArchives(unpacked);
    fs.writeFileSync(path.join(unpacked, STAMP), stampOf(source));
    try {
      fs.renameSync(unpacked, samples);
    } catch (error) {
      // Another process was faster, or an older layout lies there.
      if (isComplete(source)) return;
      if (!fs.existsSync(samples)) throw error;
      fs.renameSync(samples, path.join(work, 'older'));
      fs.renameSync(unpacked, samples);
    }
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

const ifPossible = process.argv.includes('--if-possible') && process.env['CI'] !== 'true';
for (const source of PACKAGES) {
  const whole = `${source.name} ${source.version}`;
  try {
    if (!isComplete(source)) {
      console.log(`Fetching sample files (Debian ${whole}, ${source.size})...`);
      fetchSamples(source);
      console.log(`They are in ${path.relative(process.cwd(), folderOf(source)) || '.'}.`);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(
      `Sample files cannot be had: ${message}\n` +
        `They come from Debian's package ${whole}. On Debian 12 run \`apt-get update\` first;\n` +
        'tests that need them are skipped without them.',
    );
    if (!ifPossible) process.exitCode = error instanceof SamplesError ? error.exitCode : 70;
  }
}
