/** Sections of an INI text, each with its keys; order as in the text, a repeated key keeps its last value. */
export type IniSections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** An INI text, and what follows it when the text goes on as XML. */
export interface IniText {
  readonly sections: IniSections;
  /** Empty: nothing follows. */
  readonly xml: string;
}

/**
 * Reads `[Section]` and `key=value` lines with CR LF, bare CR or LF at their ends. Keys before any section are in the
 * section with the empty name; lines of another form are passed over.
 */
export function parseIniText(text: string): IniText {
  const xmlAt = /(?:^|[\r\n])[ \t]*<(?=[?A-Za-z])/.exec(text)?.index ?? text.length;
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const line of text.slice(0, xmlAt).split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith('[') && trimmed.endsWith(']')) {
      section = sectionOf(sections, trimmed.slice(1, -1).trim());
      continue;
    }
    const equals = trimmed.indexOf('=');
    if (equals <= 0) continue;
    section ??= sectionOf(sections, '');
    section.set(trimmed.slice(0, equals).trimEnd(), trimmed.slice(equals + 1).trimStart());
  }
  return { sections, xml: text.slice(xmlAt).trim() };
}

function sectionOf(sections: Map<string, Map<string, string>>, name: string): Map<string, string> {
  const known = sections.get(name);
  if (known !== undefined) return known;
  const section = new Map<string, string>();
  sections.set(name, section);
  return section;
}
