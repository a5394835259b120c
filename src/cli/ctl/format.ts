// Lines as supervisorctl prints them: columns, and texts in Python's quotes.
import { makeNamespec } from './namespec.ts';
import type { ConfigInfo } from './xmlrpc-client.ts';

export interface StatusRow {
  readonly name: string;
  readonly state: string;
  readonly description: string;
}

/** What only lbproxy knows of a process; null where it does not apply. */
export interface WideRow extends StatusRow {
  readonly port: number | null;
  readonly ready: boolean | null;
  readonly inFlight: number | null;
  readonly restarts: number | null;
}

/** The name's column is three wider than the longest, and than 30. */
export function statusLines(rows: readonly StatusRow[]): string[] {
  const width = rows.reduce((most, { name }) => Math.max(most, lengthOf(name)), 30) + 3;
  return rows.map(({ name, state, description }) => `${pad(name, width)}${pad(state, 10)}${description}`);
}

const WIDE_HEAD = ['NAME', 'STATE', 'PORT', 'READY', 'IN-FLIGHT', 'RESTARTS', 'DESCRIPTION'];

export function wideLines(rows: readonly WideRow[]): string[] {
  const cells = rows.map((row) => [
    row.name,
    row.state,
    shown(row.port),
    row.ready === null ? '-' : row.ready ? 'yes' : 'no',
    shown(row.inFlight),
    shown(row.restarts),
    row.description,
  ]);
  return alignedLines([WIDE_HEAD, ...cells]);
}

/** The last column is not filled up. */
function alignedLines(table: readonly (readonly string[])[]): string[] {
  const widths = table[0].map((_, column) =>
    table.reduce((most, row) => Math.max(most, lengthOf(row[column])), 0),
  );
  return table.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] + 2)))
      .join('')
      .trimEnd(),
  );
}

const shown = (value: number | null): string => (value === null ? '-' : String(value));

export function configLine(info: ConfigInfo): string {
  const name = makeNamespec(info.group, info.name);
  const use = info.inuse ? 'in use' : 'avail';
  const start = info.autostart ? 'auto' : 'manual';
  return `${pad(name, 32)} ${pad(use, 9)} ${pad(start, 9)} ${info.group_prio}:${info.process_prio}`;
}

/** Characters, as Python counts them. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}

/** Words in as few rows as fit a width, filled column by column, two blanks between (Python's cmd.columnize). */
export function columnize(words: readonly string[], width: number): string[] {
  for (let rows = 1; rows < words.length; rows++) {
    const columns = Math.ceil(words.length / rows);
    const widths = Array.from({ length: columns }, (_, column) =>
      Math.max(...words.slice(column * rows, (column + 1) * rows).map(lengthOf)),
    );
    if (widths.reduce((sum, one) => sum + one + 2, -2) > width) continue;
    return Array.from({ length: rows }, (_, row) =>
      widths
        .map((one, column) => [words[column * rows + row], one] as const)
        .filter(([word]) => word !== undefined)
        .map(([word, one]) => pad(word, one))
        .join('  '),
    );
  }
  return [...words];
}
