// What reading a section needs: the document, the names that values may use, and one way to say what is wrong, each thing once.
import { hostname } from 'node:os';
import { didYouMean, formatPosition, type Problems } from '../../config/problem.ts';
import type { Position } from '../../config/tree.ts';
import type { Accounts } from './accounts.ts';
import type { Convert } from './datatypes.ts';
import { type Entry, type IniDocument, placeOfValue, type Section } from './document.ts';
import { percentFormat } from './percent.ts';

export interface Report {
  error(at: Position, message: string): void;
  warn(at: Position, message: string): void;
  /** A warning that is told once for all its places. */
  tally(at: Position, message: string): void;
}

/** Says each thing once for each place, however many processes have it. */
export function saidOnce(problems: Problems): Report {
  const said = new Set<string>();
  const isNew = (at: Position, message: string): boolean => {
    const text = `${formatPosition(at)} ${message}`;
    const fresh = !said.has(text);
    said.add(text);
    return fresh;
  };
  return {
    error: (at, message) => (isNew(at, message) ? problems.error(at, message) : undefined),
    warn: (at, message) => (isNew(at, message) ? problems.warn(at, message) : undefined),
    tally: (at, message) => problems.tally('warning', at, message),
  };
}

/** Names for %(name)s, the later ones over the earlier ones. */
export class Names {
  readonly #own = new Map<string, string | number>();
  readonly #below: Names | undefined;

  constructor(below?: Names, own: Readonly<Record<string, string | number>> = {}) {
    this.#below = below;
    for (const [name, value] of Object.entries(own)) this.#own.set(name, value);
  }

  set(name: string, value: string | number): void {
    this.#own.set(name, value);
  }

  get(name: string): string | number | undefined {
    return this.#own.get(name) ?? this.#below?.get(name);
  }

  all(): readonly string[] {
    return [...this.#own.keys(), ...(this.#below?.all() ?? [])];
  }
}

export interface IniContext {
  readonly document: IniDocument;
  readonly report: Report;
  readonly accounts: Accounts;
  /** ENV_X of lbproxy's environment, and of that of [supervisord] once it is read. */
  readonly env: Names;
  readonly processEnv: Readonly<Record<string, string | undefined>>;
  /** The folder of the main file. */
  readonly here: string;
  readonly cwd: string;
  readonly hostNodeName: string;
  /** Programs that have another number of processes than their section says. */
  readonly scaled: ReadonlyMap<string, number>;
}

/** platform.node() */
export const hostNodeName = hostname;

export type Expanded = { readonly text: string } | { readonly problem: string; readonly dumps: boolean };

export function expand(text: string, names: Names): Expanded {
  const done = percentFormat(text, names);
  if ('text' in done) return done;
  const { missing, problem, dumps = false } = done;
  return { problem: missing === undefined ? problem : whyMissing(missing, names), dumps };
}

function whyMissing(name: string, names: Names): string {
  const known = names.all();
  if (name.startsWith('ENV_')) {
    const near = didYouMean(
      name.slice(4),
      known.filter((one) => one.startsWith('ENV_')).map((one) => one.slice(4)),
    );
    const hint = near === undefined ? '' : `; did you mean %(ENV_${near})s?`;
    return `%(${name})s: ${name.slice(4)} is not set in the environment: set it before the start, or write its value${hint}`;
  }
  const others = known.filter((one) => !one.startsWith('ENV_'));
  if (name === 'process_name')
    return '%(process_name)s does not exist in Supervisor: write %(program_name)s, with %(process_num)02d if there are several';
  const near = didYouMean(name, others);
  return `%(${name})s is not known here: ${near === undefined ? `known are ${others.join(', ')} and ENV_…` : `did you mean %(${near})s?`}`;
}

/** The values of one section. What is wrong is reported with its place, and the default stands in for it. */
export class SectionReader {
  readonly cx: IniContext;
  readonly section: Section;

  constructor(cx: IniContext, section: Section) {
    this.cx = cx;
    this.section = section;
  }

  entry(key: string): Entry | undefined {
    return this.cx.document.get(this.section, key);
  }

  raw(key: string): string | undefined {
    return this.entry(key)?.value;
  }

  /** Expanded; undefined when it is not written. */
  text(key: string, names: Names): string | undefined {
    const entry = this.entry(key);
    return entry === undefined ? undefined : this.expanded(key, entry.value, names);
  }

  /** `hint` goes behind a problem. */
  expanded(key: string, text: string, names: Names, hint = ''): string {
    const done = expand(text, names);
    if ('text' in done) return done.text;
    this.fail(key, `${done.problem}${hint}`);
    return '';
  }

  value<T>(key: string, convert: Convert<T>, names: Names): T | undefined {
    const entry = this.entry(key);
    const done = entry === undefined ? undefined : expand(entry.value, names);
    if (done === undefined) return undefined;
    if ('problem' in done) return this.fail(key, done.problem);
    const converted = convert(done.text);
    return 'value' in converted ? converted.value : this.fail(key, converted.problem);
  }

  /** Where the value of a key begins, or the section. */
  at(key: string): Position {
    const entry = this.entry(key);
    return entry === undefined ? this.section.at : placeOfValue(entry);
  }

  /** Supervisor would refuse the whole file. */
  fail(key: string, problem: string): undefined {
    this.cx.report.error(this.at(key), `${key} of [${this.section.name}]: ${problem}`);
    return undefined;
  }

  warn(key: string, problem: string): void {
    this.cx.report.warn(this.at(key), `${key} of [${this.section.name}]: ${problem}`);
  }
}
