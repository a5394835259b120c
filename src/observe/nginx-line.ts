// A line of an error log in nginx's form: 2026/11/26 19:00:00 [error] 4711#4711: *12 text.
import { timeOfDay } from '../shared/clock.ts';
import type { LogLevel } from './rows.ts';

/** `connection` is the number of the client's connection; 0 for what no client is concerned in. */
export function nginxLine(level: LogLevel, text: string, connection = 0): string {
  const { pid } = process;
  const client = connection === 0 ? '' : `*${connection} `;
  return `${timeOfLine(Date.now())} [${level}] ${pid}#${pid}: ${client}${text}\n`;
}

let second = -1;
let shown = '';

function timeOfLine(now: number): string {
  const current = Math.floor(now / 1000);
  if (current === second) return shown;
  second = current;
  const date = new Date(now);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('/');
  shown = `${day} ${timeOfDay(date)}`;
  return shown;
}
