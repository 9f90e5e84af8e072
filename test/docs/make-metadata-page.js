// @ts-check
/*
 * npm run docs              writes docs/metadata.md from the table of harmonised names (npm run build first)
 * ... --check               changes nothing; exit code 1 when the page is not what it would write
 *
 * Which formats give a name is what their readers found in the real sample files. It is kept in metadata-givers.json, so that
 * the page can be made without the samples; with them (npm run samples) it is found out anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const dist = new URL('../../dist/', import.meta.url);
const { METADATA_NAMES, harmonisedName } = await import(
  new URL('domain/harmonised-names.js', dist).href
);
const { extractSingleFile } = await import(new URL('extract/extract-single-file.js', dist).href);
/** @type {string[]} */
const names = [...METADATA_NAMES].sort();

const page = fileURLToPath(new URL('../../docs/metadata.md', import.meta.url));
const giversFile = fileURLToPath(new URL('./metadata-givers.json', import.meta.url));
const sampleFolders = ['samples', 'samples-dicom'].map((name) =>
  fileURLToPath(new URL(`../../.cache/${name}/`, import.meta.url)),
);

/** @typedef {Record<string, string[]>} Givers  names to the formats that give them */

/** A format without the number of its version: files of all versions are read alike. @param {string} name */
function family(name) {
  return name.replace(/ \d[\d.]*$/, '');
}

/** @param {{ metadata: object }} signal */
function namesOf({ metadata }) {
  return Object.keys(metadata);
}

/** @returns {Promise<Givers>} */
async function giversInSamples() {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const folder of sampleFolders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = Buffer.from(join(entry.parentPath, entry.name));
      const { metadata } = await extractSingleFile(path, { timezone: 'UTC' });
      for (const name of metadata.signals.flatMap(namesOf)) {
        const formats = found.get(name) ?? new Set();
        found.set(name, formats.add(family(metadata.format)));
      }
    }
  }
  const unknown = [...found.keys()].filter((name) => harmonisedName(name) === undefined);
  if (unknown.length > 0) throw new Error(`Readers give names of their own: ${unknown.join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, [...(found.get(name) ?? [])].sort()]));
}

/** @param {Givers} givers */
function pageText(givers) {
  const rows = names.map((name) => {
    const { unit = '', kind, meaning, emGlossary } = harmonisedName(name);
    const term =
      emGlossary === undefined
        ? ''
        : `[${emGlossary}](https://purls.helmholtz-metadaten.de/emg/${emGlossary})`;
    const cells = [name, unit, kind, meaning, term, (givers[name] ?? []).join(', ')];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `# Metadata

Whatever the vendor calls it, a value has one name and one unit in a record. Numbers are converted to the unit of this table;
what has no name here stays with the vendor's own tags in the sidecar of the file (\`paths.output\`) and is shown by
\`recordsmith extract --all-tags\`. A value marked as a warning is one that the instrument is known to write wrongly, or that could
not be checked.

What one instrument writes wrongly is put right by \`extract.adjustments\` of the configuration: see
config/recordsmith.example.yaml. Readers of your own (adding-a-format.md) are held to this table too.

- **EM Glossary**: the term of the [EM Glossary](https://purls.helmholtz-metadaten.de/emg/) that means the same. Empty: there is
  none, or we are not certain of it.
- **Seen in**: the formats in whose real sample files the readers found it. Other files and formats may have it as well.

| Name | Unit | Kind | Meaning | EM Glossary | Seen in |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

This page is made from src/domain/harmonised-names.ts by \`npm run docs\`.
`;
}

/** @param {string} path @param {string} text @returns {Promise<string>} */
async function formatted(path, text) {
  return format(text, { ...(await resolveConfig(path)), filepath: path });
}

const isCheck = process.argv.includes('--check');
const haveSamples = sampleFolders.every((folder) => existsSync(join(folder, '.complete')));
/** @type {Givers} */
const givers = haveSamples ? await giversInSamples() : JSON.parse(readFileSync(giversFile, 'utf8'));
const files = [
  { path: giversFile, text: await formatted(giversFile, JSON.stringify(givers)) },
  { path: page, text: await formatted(page, pageText(givers)) },
];
for (const { path, text } of files) {
  const present = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (present === text) continue;
  if (isCheck) {
    console.error(`${path} is not what the table gives: npm run docs`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
  }
}
