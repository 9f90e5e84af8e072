import { groupBy } from '../../../domain/group-by.js';
import { SaxesParser } from 'saxes';
import { AppError, isAppError, toError } from '../../../errors.js';
import type { JsonValue } from '../../extractor.js';

/** An element of an XML text. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text directly inside, blanks at its ends removed. */
  readonly text: string;
}

interface GrowingElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: GrowingElement[];
  text: string;
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 200_000;
/** Text above this many characters is described in the sidecar, not copied. */
const MAX_JSON_TEXT = 4096;

/**
 * Reads an XML text, namespaces as they are written. Entities other than those of XML itself are not known, and none
 * are fetched.
 * @param what The text's name in error messages.
 * @throws AppError FORMAT_INVALID when it is not well-formed, or has more or deeper elements than any real file.
 */
export function parseXml(text: string, what: string): XmlElement {
  const parser = new SaxesParser({ xmlns: false });
  const open: GrowingElement[] = [];
  const roots: GrowingElement[] = [];
  let elements = 0;
  parser.on('error', (error) => {
    throw new AppError('FORMAT_INVALID', `${what} is not well-formed XML: ${error.message}`);
  });
  parser.on('opentag', ({ name, attributes }) => {
    elements += 1;
    if (elements > MAX_ELEMENTS || open.length >= MAX_DEPTH) {
      throw new AppError('FORMAT_INVALID', `${what} has too many elements.`, {
        details: { elements, depth: open.length },
      });
    }
    const element: GrowingElement = { name, attributes, children: [], text: '' };
    (open.at(-1)?.children ?? roots).push(element);
    open.push(element);
  });
  const addText = (part: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop();
    if (element !== undefined) element.text = element.text.trim();
  });
  try {
    parser.write(text).close();
  } catch (error) {
    if (isAppError(error)) throw error;
    const message = `${what} is not well-formed XML: ${toError(error).message}`;
    throw new AppError('FORMAT_INVALID', message, { cause: error });
  }
  const [root] = roots;
  if (root === undefined) throw new AppError('FORMAT_INVALID', `${what} is an empty XML text.`);
  return root;
}

/** The element that a path of names leads to, the first of each name; undefined: there is none. */
export function elementAt(
  element: XmlElement | undefined,
  ...path: readonly string[]
): XmlElement | undefined {
  let found = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** The text that a path of names leads to; null: there is none, or it is empty. */
export function xmlTextAt(
  element: XmlElement | undefined,
  ...path: readonly string[]
): string | null {
  const text = elementAt(element, ...path)?.text ?? '';
  return text === '' ? null : text;
}

/** An element as JSON: text alone, or children by name (a list where a name repeats) and attributes with an `@`. */
export function xmlAsJson({ attributes, children, text }: XmlElement): JsonValue {
  const shown = text.length > MAX_JSON_TEXT ? `[${text.length} characters]` : text;
  const names = Object.entries(attributes);
  if (children.length === 0 && names.length === 0) return shown;
  return Object.fromEntries([
    ...names.map(([name, value]): [string, JsonValue] => [`@${name}`, value]),
    ...[...groupBy(children, (child) => child.name)].map(([name, group]): [string, JsonValue] => {
      const [first = null, ...others] = group.map(xmlAsJson);
      return [name, others.length === 0 ? first : [first, ...others]];
    }),
    ...(shown === '' ? [] : [['#text', shown] satisfies [string, JsonValue]]),
  ]);
}
