// `status>=500 path~/api peer=8002 ms>200`: which requests somebody wants to see. All terms must hold; a bare word stands anywhere in
// the method, the host or the target.
import type { Summary } from './view.ts';

export interface FilterProblem {
  /** What is wrong, and what to write. */
  readonly problem: string;
  /** Where the term begins in the text. */
  readonly at: number;
}

export type Filter = (summary: Summary) => boolean;

type Value = string | number;

const KEYS: Readonly<Record<string, (s: Summary) => readonly Value[]>> = {
  status: (s) => [s.status],
  method: (s) => [s.method],
  host: (s) => [s.host],
  server: (s) => [s.server],
  path: (s) => [s.target.replace(/\?.*/s, '')],
  query: (s) => [s.target.replace(/^[^?]*\??/s, '')],
  client: (s) => [s.client],
  type: (s) => [s.type],
  ms: (s) => [s.ms],
  bytes: (s) => [s.answerBytes],
  sent: (s) => [s.requestBytes],
  attempts: (s) => [s.attempts.length],
  peer: (s) => s.attempts.map(({ peer }) => peer),
  cause: (s) => [s.failure, ...s.attempts.map(({ outcome }) => outcome)],
};

const TERM = /^([a-z]+)(!=|>=|<=|!~|=|>|<|~)(.*)$/s;

export function readFilter(text: string): Filter | FilterProblem {
  const terms: Filter[] = [];
  for (const word of text.matchAll(/"([^"]*)"|\S+/g)) {
    const term = word[1] === undefined ? readTerm(word[0]) : anywhere(word[1]);
    if (typeof term === 'string') return { problem: term, at: word.index };
    terms.push(term);
  }
  return (summary) => terms.every((term) => term(summary));
}

function readTerm(word: string): Filter | string {
  const [, key, operator, wanted] = TERM.exec(word) ?? [];
  if (key === undefined) return anywhere(word);
  const values = KEYS[key];
  if (values === undefined) return `"${key}" is unknown; there are ${Object.keys(KEYS).join(', ')}`;
  if (operator === '~') return (s) => values(s).some((value) => contains(value, wanted));
  if (operator === '!~') return (s) => !values(s).some((value) => contains(value, wanted));
  if (operator === '=') return (s) => values(s).some((value) => equals(value, wanted, key));
  if (operator === '!=') return (s) => !values(s).some((value) => equals(value, wanted, key));
  const limit = Number(wanted);
  if (wanted === '' || !Number.isFinite(limit)) return `"${word}": ${operator} wants a number`;
  return (s) => values(s).some((value) => typeof value === 'number' && compare(value, operator, limit));
}

function compare(value: number, operator: string, limit: number): boolean {
  if (operator === '>') return value > limit;
  if (operator === '>=') return value >= limit;
  return operator === '<' ? value < limit : value <= limit;
}

function anywhere(text: string): Filter {
  return ({ method, host, target }) => contains(`${method} ${host}${target}`, text);
}

function contains(value: Value, wanted: string): boolean {
  return String(value).toLowerCase().includes(wanted.toLowerCase());
}

/** `5xx` is a class of statuses; a peer may be told by its port. */
function equals(value: Value, wanted: string, key: string): boolean {
  const text = String(value).toLowerCase();
  const wish = wanted.toLowerCase();
  if (key === 'status' && /^[1-5]xx$/.test(wish)) return text[0] === wish[0] && text.length === 3;
  return text === wish || (key === 'peer' && text.endsWith(`:${wish}`));
}
