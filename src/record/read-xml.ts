import { SaxesParser } from 'saxes';
import { AppError, isAppError, toError } from '../errors.js';
import {
  type DocumentDataset,
  type DocumentNotes,
  type DocumentParameter,
  type RecordDocument,
  recordDocumentSchema,
} from './record-document.js';
import { INSTANCE_NAMESPACE, RECORD_NAMESPACE } from './write-xml.js';

/** An element while it is read; the children of a dataset are dropped as soon as it ends. */
interface Node {
  readonly name: string;
  readonly line: number;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Node[];
  readonly datasets: unknown[];
  text: string;
}

function fault(line: number, message: string): AppError {
  return new AppError('RECORD_INVALID', `Line ${line}: ${message}`, {
    remedy: 'Validate the record first; only records of this schema can be read.',
    details: { line },
  });
}

function childrenOf(node: Node, name: string): readonly Node[] {
  return node.children.filter((child) => child.name === name);
}

function textsOf(node: Node, name: string): string[] {
  return childrenOf(node, name).map((child) => child.text);
}

/** The optional texts of an element: key in the document, name of the child. */
function optionalTexts(node: Node, names: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, name]) => {
      const [text] = textsOf(node, name);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function optionalAttributes(node: Node, ...names: readonly string[]): object {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = node.attributes.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** An element holds nothing that the document has no place for, so that nothing is lost without a word. */
function only(node: Node, children: readonly string[], attributes: readonly string[] = []): void {
  for (const child of node.children) {
    if (!children.includes(child.name)) {
      throw fault(child.line, `<${child.name}> is not known inside <${node.name}>.`);
    }
  }
  for (const name of node.attributes.keys()) {
    if (!attributes.includes(name)) {
      throw fault(node.line, `Attribute ${name} is not known at <${node.name}>.`);
    }
  }
  if (children.length > 0 && node.text.trim() !== '') {
    throw fault(node.line, `<${node.name}> holds text beside its elements.`);
  }
}

/** A number or truth value only where writing it gives the same text again. */
function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : text;
}

function parameterOf(node: Node): DocumentParameter {
  only(node, [], ['name', 'unit', 'warning']);
  const warning = node.attributes.get('warning');
  return {
    name: node.attributes.get('name') ?? '',
    value: valueOf(node.text),
    ...optionalAttributes(node, 'unit'),
    ...(warning === undefined ? {} : { warning: warning === 'true' || warning === '1' }),
  };
}

function notesOf(node: Node): DocumentNotes[] {
  return childrenOf(node, 'notes').map((notes) => {
    only(notes, ['entry'], ['source']);
    return {
      ...optionalAttributes(notes, 'source'),
      entries: notes.children.map((entry) => {
        only(entry, ['p'], ['xsi:type']);
        return { paragraphs: textsOf(entry, 'p') };
      }),
    };
  });
}

function datasetOf(node: Node): Omit<DocumentDataset, 'type' | 'role'> {
  only(node, ['name', 'location', 'format', 'description', 'preview', 'meta'], ['type', 'role']);
  return {
    ...optionalAttributes(node, 'type', 'role'),
    name: textsOf(node, 'name')[0] ?? '',
    location: textsOf(node, 'location')[0] ?? '',
    ...optionalTexts(node, { format: 'format' }),
    descriptions: textsOf(node, 'description'),
    previews: textsOf(node, 'preview'),
    metadata: childrenOf(node, 'meta').map(parameterOf),
  };
}

function activityOf(node: Node): unknown {
  only(node, ['startTime', 'sampleID', 'setup', 'notes'], ['seqno']);
  const seqno = node.attributes.get('seqno');
  const [setup] = childrenOf(node, 'setup');
  if (setup !== undefined) only(setup, ['param']);
  return {
    ...(seqno === undefined ? {} : { seqno: Number(seqno) }),
    ...optionalTexts(node, { startTime: 'startTime', sampleID: 'sampleID' }),
    ...(setup === undefined ? {} : { setup: setup.children.map(parameterOf) }),
    notes: notesOf(node),
    datasets: node.datasets,
  };
}

function summaryOf(node: Node): unknown {
  only(
    node,
    [
      'experimenter',
      'collaborator',
      'instrument',
      'reservationStart',
      'reservationEnd',
      'motivation',
    ],
    ['ref'],
  );
  return {
    ...optionalAttributes(node, 'ref'),
    experimenters: textsOf(node, 'experimenter'),
    collaborators: textsOf(node, 'collaborator'),
    instruments: childrenOf(node, 'instrument').map((instrument) => {
      only(instrument, [], ['pid', 'ref']);
      return { name: instrument.text, ...optionalAttributes(instrument, 'pid', 'ref') };
    }),
    ...optionalTexts(node, {
      reservationStart: 'reservationStart',
      reservationEnd: 'reservationEnd',
      motivation: 'motivation',
    }),
  };
}

function sampleOf(node: Node): unknown {
  only(node, ['name', 'description', 'notes', 'elements'], ['id', 'ref']);
  const [elements] = childrenOf(node, 'elements');
  return {
    ...optionalAttributes(node, 'id', 'ref'),
    ...optionalTexts(node, { name: 'name' }),
    descriptions: textsOf(node, 'description'),
    notes: notesOf(node),
    ...(elements === undefined ? {} : { elements: elements.children.map((one) => one.name) }),
  };
}

function projectOf(node: Node): unknown {
  const names = {
    name: 'name',
    division: 'division',
    group: 'group',
    projectId: 'project_id',
    ref: 'ref',
  };
  only(node, Object.values(names));
  return optionalTexts(node, names);
}

function recordOf(root: Node): unknown {
  only(
    root,
    ['title', 'id', 'summary', 'sample', 'project', 'acquisitionActivity', 'notes'],
    ['pid'],
  );
  const [summary] = childrenOf(root, 'summary');
  return {
    ...optionalAttributes(root, 'pid'),
    ...optionalTexts(root, { title: 'title', id: 'id' }),
    summary: summary === undefined ? undefined : summaryOf(summary),
    samples: childrenOf(root, 'sample').map(sampleOf),
    projects: childrenOf(root, 'project').map(projectOf),
    activities: childrenOf(root, 'acquisitionActivity').map(activityOf),
    notes: notesOf(root),
  };
}

function makeParser(onRoot: (root: Node) => unknown): SaxesParser<{ xmlns: true; position: true }> {
  const parser = new SaxesParser({ xmlns: true, position: true });
  const open: Node[] = [];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw fault(parser.line, 'A document type declaration is not allowed in a record.');
  });
  parser.on('opentag', (tag) => {
    if (tag.uri !== RECORD_NAMESPACE) {
      throw fault(parser.line, `<${tag.name}> is not in the namespace ${RECORD_NAMESPACE}.`);
    }
    const attributes = new Map<string, string>();
    for (const { uri, local, prefix, value } of Object.values(tag.attributes)) {
      if (prefix === 'xmlns' || (prefix === '' && local === 'xmlns')) continue;
      attributes.set(uri === INSTANCE_NAMESPACE ? `xsi:${local}` : local, value);
    }
    attributes.delete('xsi:schemaLocation');
    open.push({
      name: tag.local,
      line: parser.line,
      attributes,
      children: [],
      datasets: [],
      text: '',
    });
  });
  const addText = (text: string): void => {
    const node = open.at(-1);
    if (node !== undefined) node.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const node = open.pop();
    const parent = open.at(-1);
    if (node === undefined) return;
    if (parent === undefined) onRoot(node);
    else if (node.name === 'dataset' && open.length === 2) parent.datasets.push(datasetOf(node));
    else parent.children.push(node);
  });
  return parser;
}

/**
 * Reads a record back from XML, without what XML has no place for (`extensions`). Writing the result as XML again gives
 * the bytes that recordsmith wrote. Entities other than XML's own and document types are refused.
 * @param chunks the text of the record in pieces of any size
 * @throws AppError RECORD_INVALID naming the line
 */
export function readXml(chunks: Iterable<string>): RecordDocument {
  const roots: Node[] = [];
  const parser = makeParser((node) => roots.push(node));
  try {
    for (const chunk of chunks) parser.write(chunk);
    parser.close();
  } catch (error) {
    if (isAppError(error)) throw error;
    throw fault(parser.line, toError(error).message);
  }
  const [root] = roots;
  if (root === undefined) throw fault(1, 'The document is empty.');
  const parsed = recordDocumentSchema.safeParse(recordOf(root));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fault(1, `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not readable'}`);
}
