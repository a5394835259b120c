// Tables for a terminal: columns of fixed and of shared width, cut to fit, styled after they were cut.
import { styleText } from 'node:util';
import { escapeControls } from '../../observe/pretty-line.ts';
import { cutEnd, cutMiddle, padEnd, textWidth } from '../../observe/text-width.ts';

export type Style = Parameters<typeof styleText>[0];

export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
}

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export interface Column {
  readonly title: string;
  /** Least width; the rest goes to those with a share. */
  readonly width: number;
  readonly share?: number;
  readonly right?: boolean;
}

export function styled({ colours }: Look, style: Style | undefined, text: string): string {
  return colours && style !== undefined && text !== ''
    ? styleText(style, text, { validateStream: false })
    : text;
}

const GAP = ' ';

/** Heading and rows, each one line as wide as it may be at most; `chosen` is marked. */
export function table(
  look: Look,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  chosen = -1,
): string[] {
  const widths = widthsOf(columns, look.columns - 2);
  const heading = columns.map(({ title, right }, i) => inWidth(title, widths[i], right === true)).join(GAP);
  const lines = rows.map((row, at) => {
    const cells = row.map(({ text, style }, i) =>
      styled(look, style, inWidth(text, widths[i], columns[i].right === true)),
    );
    return at === chosen ? `${styled(look, 'cyan', '>')} ${cells.join(GAP)}` : `  ${cells.join(GAP)}`;
  });
  return [styled(look, 'bold', `  ${heading}`), ...lines];
}

function widthsOf(columns: readonly Column[], room: number): number[] {
  const least = columns.reduce((sum, { width }) => sum + width, columns.length - 1);
  const shares = columns.reduce((sum, { share = 0 }) => sum + share, 0);
  const rest = Math.max(0, room - least);
  return columns.map(
    ({ width, share = 0 }) => width + (shares === 0 ? 0 : Math.floor((rest * share) / shares)),
  );
}

function inWidth(raw: string, width: number, right: boolean): string {
  const text = cutMiddle(escapeControls(raw), width);
  return right ? ' '.repeat(Math.max(0, width - textWidth(text))) + text : padEnd(text, width);
}

/** One line of plain text. */
export function line(look: Look, text: string, style?: Style): string {
  return styled(look, style, cutEnd(escapeControls(text), look.columns));
}

export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 9.95) return perSecond.toFixed(1);
  return perSecond < 99_950 ? perSecond.toFixed(0) : `${(perSecond / 1000).toFixed(0)}k`;
}

export function bytesText(bytes: number): string {
  for (const [unit, size] of UNITS) if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  return `${bytes.toFixed(0)} B`;
}

const UNITS = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const;

export function agoText(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)}h${String(Math.floor(seconds / 60) % 60).padStart(2, '0')}m`;
  return `${Math.floor(seconds / 86_400)}d${String(Math.floor(seconds / 3600) % 24).padStart(2, '0')}h`;
}
