/** Defined terms of SpecificCharacterSet (PS3.3 C.12.1.1.2) by the labels of the Encoding Standard. */
const ENCODINGS: Readonly<Record<string, string>> = {
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 100': 'iso-8859-1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 148': 'iso-8859-9',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  'ISO 2022 IR 13': 'shift_jis',
  'ISO 2022 IR 58': 'gb18030',
  'ISO 2022 IR 87': 'iso-2022-jp',
  'ISO 2022 IR 100': 'iso-8859-1',
  'ISO 2022 IR 101': 'iso-8859-2',
  'ISO 2022 IR 109': 'iso-8859-3',
  'ISO 2022 IR 110': 'iso-8859-4',
  'ISO 2022 IR 126': 'iso-8859-7',
  'ISO 2022 IR 127': 'iso-8859-6',
  'ISO 2022 IR 138': 'iso-8859-8',
  'ISO 2022 IR 144': 'iso-8859-5',
  'ISO 2022 IR 148': 'iso-8859-9',
  'ISO 2022 IR 149': 'euc-kr',
  'ISO 2022 IR 159': 'iso-2022-jp',
  'ISO 2022 IR 166': 'windows-874',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/**
 * Decodes the text of one element. Of several character sets the last that is known decides; sets that are switched to
 * inside a text by escape sequences are read as that one.
 * @param characterSet SpecificCharacterSet, values separated by backslashes.
 */
export function dicomText(bytes: Uint8Array, characterSet: string): string {
  const terms = characterSet.split('\\').map((term) => term.trim());
  const label = terms.toReversed().flatMap((term) => ENCODINGS[term] ?? [])[0] ?? 'iso-8859-1';
  const text = new TextDecoder(label).decode(bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text.trim() : text.slice(0, end).trim();
}
