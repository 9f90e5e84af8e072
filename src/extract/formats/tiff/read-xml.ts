import { isAppError } from '../../../errors.js';
import { parseXml, type XmlElement } from '../xml/xml-tree.js';

/**
 * The root of an XML text in a tag, without the prefixes of its names; null when it is not well-formed, which costs no
 * more than this tag. What programs leave before and behind the document is passed over.
 */
export function readXml(text: string): XmlElement | null {
  const start = text.indexOf('<');
  const end = text.lastIndexOf('>');
  if (start < 0 || end < start) return null;
  try {
    const root = parseXml(text.slice(start, end + 1), 'The XML of the tag');
    return root.name.includes(':') ? withoutPrefixes(root) : root;
  } catch (error) {
    if (isAppError(error) && error.code === 'FORMAT_INVALID') return null;
    throw error;
  }
}

function withoutPrefixes(element: XmlElement): XmlElement {
  return {
    ...element,
    name: element.name.slice(element.name.indexOf(':') + 1),
    children: element.children.map(withoutPrefixes),
  };
}

/** The first element of a name below another, at any depth, in the order of the document. */
export function findElement(from: XmlElement, name: string): XmlElement | undefined {
  for (const child of from.children) {
    const found = child.name === name ? child : findElement(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
