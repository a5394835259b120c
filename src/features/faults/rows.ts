// Rows of faults that are put into answers on purpose: what a client of a location must bear. And how one is read, wherever it is written.
import { HTTP_AND_IF, list, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseSize, parseTime } from '../../config/units.ts';

export type FaultKind = 'delay' | 'abort' | 'cut' | 'rate';

export interface FaultValue {
  /** A delay has a number of milliseconds from `low` to `high`; for all others both are the same: a status (0 = a reset), or bytes. */
  readonly low: number;
  readonly high: number;
}

export interface Fault extends FaultValue {
  /** Of the requests that it may hit, from 0 to 1; 0 only for `off`. */
  readonly share: number;
  /** Template: '' and 0 keep it away; null = it stands without. */
  readonly condition: string | null;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly faultDelays: readonly Fault[];
    readonly faultAborts: readonly Fault[];
    readonly faultCuts: readonly Fault[];
    readonly faultRates: readonly Fault[];
  }
}

export const faultsDefaults = { faultDelays: [], faultAborts: [], faultCuts: [], faultRates: [] } as const;

const OPTIONS = '[share=percent] [if=condition]';
const MORE = 'May stand several times: the first that hits a request holds.';

export const faultsRows: readonly Row[] = [
  list('faultDelays', {
    name: 'fault_delay',
    contexts: HTTP_AND_IF,
    args: [1, 4],
    syntax: `time [longest] ${OPTIONS} | off`,
    doc: `Has requests wait for so long, or for a random time from the first to the second. ${MORE} See FAULTS.md.`,
    alone: isOff,
    read: (words, cx) => readFault('delay', words, cx),
  }),
  list('faultAborts', {
    name: 'fault_abort',
    contexts: HTTP_AND_IF,
    args: [1, 3],
    syntax: `status ${OPTIONS} | reset ${OPTIONS} | off`,
    doc: `Answers with a status from 400 to 599, or resets the connection, in the place of all else. ${MORE}`,
    alone: isOff,
    read: (words, cx) => readFault('abort', words, cx),
  }),
  list('faultCuts', {
    name: 'fault_cut',
    contexts: HTTP_AND_IF,
    args: [1, 3],
    syntax: `size ${OPTIONS} | off`,
    doc: `Ends bodies of answers behind so many bytes, and the connection with them, so that the client sees that something is missing. ${MORE}`,
    alone: isOff,
    read: (words, cx) => readFault('cut', words, cx),
  }),
  list('faultRates', {
    name: 'fault_rate',
    contexts: HTTP_AND_IF,
    args: [1, 3],
    syntax: `rate ${OPTIONS} | off`,
    doc: `So many bytes a second of a body go to the client, as by limit_rate. ${MORE}`,
    alone: isOff,
    read: (words, cx) => readFault('rate', words, cx),
  }),
];

/** What takes the place of faults of the levels around, and hits nothing. */
const OFF: Fault = { low: 0, high: 0, share: 0, condition: null };

function isOff(value: unknown): boolean {
  return (value as Fault).share === 0;
}

function readFault(kind: FaultKind, words: readonly Word[], cx: ReadContext): Fault | undefined {
  if (words.length === 1 && words[0].text === 'off') return OFF;
  const { name } = cx.directive;
  const values: Word[] = [];
  let share = 1;
  let condition: string | null = null;
  for (const word of words) {
    const [, option, given] = /^(share|if)=(.*)$/s.exec(word.text) ?? [];
    if (option === undefined) values.push(word);
    else if (option === 'if')
      condition = cx.template({ text: given, at: { ...word.at, column: word.at.column + 3 } });
    else {
      const read = parseShare(given);
      if (typeof read === 'string') return cx.problems.error(word.at, `"${name}": ${read}`);
      share = read;
    }
  }
  const value = parseFault(
    kind,
    values.map(({ text }) => text),
  );
  if (typeof value === 'string') return cx.problems.error((values[0] ?? words[0]).at, `"${name}": ${value}`);
  return { ...value, share, condition };
}

/** `10%` → 0.1; or what is wrong with it. */
export function parseShare(text: string): number | string {
  const [, number] = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text) ?? [];
  const percent = Number(number);
  if (number === undefined || percent <= 0 || percent > 100)
    return `the share "${text}" is not a percentage above 0% and up to 100% such as 10% or 0.5%`;
  return percent / 100;
}

/** The words of a value; or what is wrong with them. */
export function parseFault(kind: FaultKind, words: readonly string[]): FaultValue | string {
  const [first = '', second, ...more] = words;
  if (more.length > 0 || (second !== undefined && kind !== 'delay'))
    return `"${words.at(-1)}" is one word too many; behind the value stand share=percent and if=condition`;
  switch (kind) {
    case 'delay':
      return parseDelay(first, second ?? first);
    case 'abort': {
      const status = first === 'reset' ? 0 : parseCount(first, 400, 599);
      return same(status) ?? `"${first}" is neither a status from 400 to 599 nor "reset"`;
    }
    case 'cut':
      return same(parseSize(first)) ?? `"${first}" is not a size such as 1k or 512`;
    case 'rate':
      return (
        same(parseSize(first) || undefined) ?? `"${first}" is not a number of bytes a second such as 10k`
      );
  }
}

const same = (value: number | undefined): FaultValue | undefined =>
  value === undefined ? undefined : { low: value, high: value };

function parseDelay(from: string, to: string): FaultValue | string {
  const [low, high] = [parseTime(from), parseTime(to)];
  if (low === undefined || high === undefined)
    return `"${low === undefined ? from : to}" is not a time such as 200ms or 2s`;
  if (high > LONGEST_MS) return `"${high === low ? from : to}" is longer than an hour`;
  return low <= high ? { low, high } : `the longest delay, ${to}, is shorter than ${from}: swap them`;
}

const LONGEST_MS = 3_600_000;
