import { readFileSync } from 'node:fs';
import { SaxesParser } from 'saxes';

/** A dataset as a reader of the XML sees it. */
export interface XmlDataset {
  readonly name: string;
  /** Still percent-encoded. */
  readonly location: string;
  readonly preview: string | null;
  readonly format: string | null;
  readonly type: string;
  /** Values by name. */
  readonly meta: Readonly<Record<string, string>>;
}

/** A record as a program of somebody else reads it from its XML file. */
export interface XmlRecord {
  /** Datasets of each acquisition activity. */
  readonly activities: readonly (readonly XmlDataset[])[];
  readonly datasets: readonly XmlDataset[];
  /** What the notes say, one paragraph each. */
  readonly notes: readonly string[];
}

/** Reads a record with an XML parser; knows nothing of the code that wrote it. */
export function readXmlRecord(path: string): XmlRecord {
  const activities: XmlDataset[][] = [];
  const notes: string[] = [];
  const open: string[] = [];
  let text = '';
  let meta: Record<string, string> = {};
  let fields: Record<string, string> = {};
  let attributes: Record<string, string> = {};
  let type = '';
  const parser = new SaxesParser({ fileName: path });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (more) => (text += more));
  parser.on('opentag', (tag) => {
    open.push(tag.name);
    text = '';
    attributes = Object.fromEntries(
      Object.entries(tag.attributes).map(([name, value]) => [name, String(value)]),
    );
    if (tag.name === 'acquisitionActivity') activities.push([]);
    if (tag.name === 'dataset') {
      [meta, fields, type] = [{}, {}, attributes['type'] ?? ''];
    }
  });
  parser.on('closetag', (tag) => {
    open.pop();
    const parent = open.at(-1);
    if (tag.name === 'meta') meta[attributes['name'] ?? ''] = text;
    else if (parent === 'dataset') fields[tag.name] = text;
    else if (tag.name === 'p') notes.push(text);
    else if (tag.name === 'dataset') {
      activities.at(-1)?.push({
        name: fields['name'] ?? '',
        location: fields['location'] ?? '',
        preview: fields['preview'] ?? null,
        format: fields['format'] ?? null,
        type,
        meta,
      });
    }
  });
  parser.write(readFileSync(path, 'utf8')).close();
  return { activities, datasets: activities.flat(), notes };
}

/** The bytes of a percent-encoded path below a folder. */
export function bytesBelow(folder: string, location: string): Buffer {
  const latin1 = location.replaceAll(/%([0-9A-F]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.concat([Buffer.from(folder), Buffer.from(latin1, 'latin1')]);
}
