import { escapeControls } from '../log-values.js';

/** One row of a table: column name to what is shown; null and undefined are shown as `-`. */
export type TableRow = Readonly<Record<string, string | number | boolean | null | undefined>>;

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const MARK = /\p{M}|\u200d/u;

/** How many columns of a terminal a text takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (!MARK.test(character)) width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

function cell(value: TableRow[string]): string {
  if (value === null || value === undefined || value === '') return '-';
  return escapeControls(String(value));
}

/** The least width a column is wrapped to. */
const NARROWEST = 24;

/** Breaks text at its spaces into lines of at most `width` columns; a longer word stays whole, so that it can be copied. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/**
 * Rows as aligned text with a heading, numbers to the right; the columns are those of the first row, in its order.
 * Empty without rows.
 * @param width columns of the terminal: the last column is wrapped to fit. Default: no line is wrapped.
 */
export function textTable(
  rows: readonly TableRow[],
  bold: (text: string) => string,
  width = Infinity,
): string {
  const [first] = rows;
  if (first === undefined) return '';
  const columns = Object.keys(first);
  const numeric = columns.map((column) => rows.every((row) => typeof row[column] === 'number'));
  const widths = columns.map((column) =>
    Math.max(widthOf(column), ...rows.map((row) => widthOf(cell(row[column])))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, index) => {
        const padding = ' '.repeat((widths[index] ?? 0) - widthOf(text));
        return numeric[index] === true ? padding + text : text + padding;
      })
      .join('  ')
      .trimEnd();
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const lastWidth = Math.max(NARROWEST, width - before);
  const rowLines = (row: TableRow): string[] => {
    const cells = columns.map((column) => cell(row[column]));
    const [first = '', ...further] = wrapped(cells.at(-1) ?? '', lastWidth);
    return [
      line([...cells.slice(0, -1), first]),
      ...further.map((text) => ' '.repeat(before) + text),
    ];
  };
  return [
    bold(line(columns.map((column) => column.toUpperCase()))),
    ...rows.flatMap(rowLines),
    '',
  ].join('\n');
}
