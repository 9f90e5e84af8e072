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

/**
 * Rows as aligned text with a heading, numbers to the right; the columns are those of the first row, in its order.
 * Empty without rows.
 */
export function textTable(rows: readonly TableRow[], bold: (text: string) => string): string {
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
  return [
    bold(line(columns.map((column) => column.toUpperCase()))),
    ...rows.map((row) => line(columns.map((column) => cell(row[column])))),
    '',
  ].join('\n');
}
