import { replaceForbidden } from './forbidden-characters.js';
import type {
  ActivitySource,
  DocumentDataset,
  DocumentNotes,
  DocumentParameter,
  DocumentProject,
  DocumentSample,
  RecordDocument,
  RecordSource,
} from './record-document.js';

/** The namespace of NexusLIMS records. */
export const RECORD_NAMESPACE = 'https://data.nist.gov/od/dm/nexus/experiment/v1.0';

/** The namespace of xsi:type. */
export const INSTANCE_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance';

/** Characters after which a chunk is handed out. */
const CHUNK_CHARACTERS = 64 * 1024;

/** What text content cannot hold as it is: `&`, `<`, `>`, CR, forbidden characters; surrogates are looked at closely. */
const TEXT_SPECIAL = /[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd]/;
/** Attributes have quotes, and lose tabs and line feeds when read (https://www.w3.org/TR/xml/#AVNormalize). */
const ATTRIBUTE_SPECIAL = /[^\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd]/;

function escapeText(text: string): string {
  if (!TEXT_SPECIAL.test(text)) return text;
  return replaceForbidden(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

function escapeAttribute(text: string): string {
  if (!ATTRIBUTE_SPECIAL.test(text)) return text;
  return escapeText(text)
    .replaceAll('"', '&quot;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\n', '&#10;');
}

function attribute(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}="${escapeAttribute(value)}"`;
}

function element(indent: string, name: string, text: string | undefined, attributes = ''): string {
  if (text === undefined) return '';
  return text === ''
    ? `${indent}<${name}${attributes}/>\n`
    : `${indent}<${name}${attributes}>${escapeText(text)}</${name}>\n`;
}

function elements(indent: string, name: string, texts: readonly string[]): string {
  return texts.map((text) => element(indent, name, text)).join('');
}

function valueText(value: DocumentParameter['value']): string {
  return typeof value === 'object' ? `[${value.join(', ')}]` : String(value);
}

function parameter(indent: string, name: 'param' | 'meta', given: DocumentParameter): string {
  const attributes =
    attribute('name', given.name) +
    attribute('unit', given.unit) +
    (given.warning === undefined ? '' : ` warning="${String(given.warning)}"`);
  return element(indent, name, valueText(given.value), attributes);
}

function notes(indent: string, given: readonly DocumentNotes[]): string {
  let xml = '';
  for (const one of given) {
    xml += `${indent}<notes${attribute('source', one.source)}>\n`;
    for (const entry of one.entries) {
      xml += `${indent}  <entry xsi:type="TextEntry">\n`;
      xml += elements(`${indent}    `, 'p', entry.paragraphs);
      xml += `${indent}  </entry>\n`;
    }
    xml += `${indent}</notes>\n`;
  }
  return xml;
}

function summary(given: RecordDocument['summary']): string {
  let xml = `  <summary${attribute('ref', given.ref)}>\n`;
  xml += elements('    ', 'experimenter', given.experimenters);
  xml += elements('    ', 'collaborator', given.collaborators);
  for (const instrument of given.instruments) {
    const attributes = attribute('pid', instrument.pid) + attribute('ref', instrument.ref);
    xml += element('    ', 'instrument', instrument.name, attributes);
  }
  xml += element('    ', 'reservationStart', given.reservationStart);
  xml += element('    ', 'reservationEnd', given.reservationEnd);
  xml += element('    ', 'motivation', given.motivation);
  return `${xml}  </summary>\n`;
}

function sample(given: DocumentSample): string {
  let xml = `  <sample${attribute('id', given.id)}${attribute('ref', given.ref)}>\n`;
  xml += element('    ', 'name', given.name);
  xml += elements('    ', 'description', given.descriptions);
  xml += notes('    ', given.notes);
  if (given.elements !== undefined) {
    xml += '    <elements>\n';
    for (const symbol of given.elements) xml += `      <${symbol}/>\n`;
    xml += '    </elements>\n';
  }
  return `${xml}  </sample>\n`;
}

function project(given: DocumentProject): string {
  return [
    '  <project>\n',
    element('    ', 'name', given.name),
    element('    ', 'division', given.division),
    element('    ', 'group', given.group),
    element('    ', 'project_id', given.projectId),
    element('    ', 'ref', given.ref),
    '  </project>\n',
  ].join('');
}

function activityHead(given: ActivitySource): string {
  const seqno = given.seqno === undefined ? undefined : String(given.seqno);
  let xml = `  <acquisitionActivity${attribute('seqno', seqno)}>\n`;
  xml += element('    ', 'startTime', given.startTime);
  xml += element('    ', 'sampleID', given.sampleID);
  if (given.setup !== undefined) {
    const content = given.setup.map((one) => parameter('      ', 'param', one)).join('');
    xml += content === '' ? '    <setup/>\n' : `    <setup>\n${content}    </setup>\n`;
  }
  return xml + notes('    ', given.notes);
}

function dataset(given: DocumentDataset): string {
  let xml = `    <dataset${attribute('type', given.type)}${attribute('role', given.role)}>\n`;
  xml += element('      ', 'name', given.name);
  xml += element('      ', 'location', given.location);
  xml += element('      ', 'format', given.format);
  xml += elements('      ', 'description', given.descriptions);
  xml += elements('      ', 'preview', given.previews);
  for (const one of given.metadata) xml += parameter('      ', 'meta', one);
  return `${xml}    </dataset>\n`;
}

function* pieces(record: RecordSource): Generator<string> {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<Experiment xmlns="${RECORD_NAMESPACE}" xmlns:xsi="${INSTANCE_NAMESPACE}"${attribute('pid', record.pid)}>\n`;
  yield element('  ', 'title', record.title) + element('  ', 'id', record.id);
  yield summary(record.summary);
  for (const one of record.samples) yield sample(one);
  for (const one of record.projects) yield project(one);
  for (const activity of record.activities) {
    yield activityHead(activity);
    for (const one of activity.datasets) yield dataset(one);
    yield '  </acquisitionActivity>\n';
  }
  yield notes('  ', record.notes);
  yield '</Experiment>\n';
}

/** Gathers small pieces into chunks of about 64 K characters. */
export function* gatherChunks(parts: Iterable<string>): Generator<string> {
  let gathered: string[] = [];
  let length = 0;
  for (const part of parts) {
    gathered.push(part);
    length += part.length;
    if (length >= CHUNK_CHARACTERS) {
      yield gathered.join('');
      gathered = [];
      length = 0;
    }
  }
  if (length > 0) yield gathered.join('');
}

/**
 * The record as XML (UTF-8), in chunks of about 64 K characters: element order and types of the NexusLIMS experiment
 * schema (config/schemas/nexus-experiment.xsd). The same document gives the same bytes everywhere.
 */
export function writeXml(record: RecordSource): Generator<string> {
  return gatherChunks(pieces(record));
}
