// Carries out the commands of one page: what of it is shown, which variables are set, what is written and what is asked for.
import type { Exchange } from '../../exchange/exchange.ts';
import { holds } from './conditions.ts';
import { setTimeFormat } from './dates.ts';
import type { Parameter } from './parser.ts';
import { type Block, type SsiShared, sharedBy } from './shared.ts';
import { type Encoding, encode, evaluate, includedUri, SsiError, type SsiLookup } from './strings.ts';

/** What an include asks for. */
export interface Include {
  readonly uri: string;
  readonly args: string | null;
  /** The page goes on when it is over. */
  readonly waits: boolean;
  /** Variable that takes the answer; '' = it is shown. */
  readonly set: string;
  /** What is shown in the place of an empty answer or an error. */
  readonly stub: Block | null;
}

/** Who shows the page. */
export interface PageOutput {
  show(text: string): void;
  /** Throws an SsiError where that cannot be. */
  include(include: Include): void;
}

type Values = Readonly<Record<string, string | undefined>>;

interface Command {
  /** Names of its parameters; with an exclamation mark where it must have it. */
  readonly params: readonly string[];
  /** Behind an `if` that has no `else` yet, or only behind an `if`. */
  readonly behind: 'nothing' | 'if' | 'if or else';
  run(page: SsiPage, values: Values, output: PageOutput): void;
}

const MOST_PARAMS = 16;

export class SsiPage {
  readonly #x: Exchange;
  readonly #lookup: SsiLookup;
  readonly shared: SsiShared;
  /** Text and commands count. */
  shows = true;
  /** Text and commands are kept for a block. */
  #block: Block | null = null;
  #chosen = false;
  #conditional: 'no' | 'if' | 'else' = 'no';
  #encoding: Encoding = 'entity';
  errorMessage = '[an error occurred while processing the directive]';

  constructor(x: Exchange, lookup: (name: string) => string | undefined) {
    this.#x = x;
    this.shared = sharedBy(x);
    this.#lookup = (name) => this.shared.get(name) ?? lookup(name);
  }

  /** Text that is not shown. */
  keep(text: string): void {
    if (this.#block !== null) this.#block.text += text;
  }

  get keepsText(): boolean {
    return this.#block !== null;
  }

  /** Throws an SsiError. */
  run(name: string, params: readonly Parameter[], output: PageOutput): void {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) {
      if (this.shows) throw new SsiError(`invalid SSI command: "${name}"`);
      return;
    }
    if (!this.shows && name !== 'endblock') {
      if (this.#block !== null) return this.keep(textOf(name, params));
      if (command.behind === 'nothing') return;
    }
    if (!this.#mayStand(command)) throw new SsiError(`invalid context of SSI command: "${name}"`);
    command.run(this, valuesOf(name, command, params), output);
  }

  #mayStand({ behind }: Command): boolean {
    if (behind === 'nothing') return true;
    return this.#conditional === 'if' || (behind === 'if or else' && this.#conditional === 'else');
  }

  include(values: Values, output: PageOutput): void {
    const { virtual, file, set, stub } = values;
    if (virtual !== undefined && file !== undefined)
      throw new SsiError(`inclusion may be either virtual="${virtual}" or file="${file}"`);
    const target = virtual ?? file;
    if (target === undefined) throw new SsiError('no parameter in "include" SSI command');
    if (set !== undefined && stub !== undefined)
      throw new SsiError('"set" and "stub" cannot be used together in "include" SSI command');
    const waits = waitsFor(values);
    const evaluated = evaluate(target, this.#lookup);
    // Where nothing is named nginx takes the directory of the page, or what the value before has left in memory.
    if (evaluated === '') throw new SsiError('unsafe URI "" was detected');
    const asked = includedUri(evaluated, this.#x.uri);
    const block = stub === undefined ? null : this.shared.block(stub);
    if (block === undefined) throw new SsiError(`"stub"="${stub}" for "include" not found`);
    const name = set?.toLowerCase() ?? '';
    if (name !== '' && this.shared.get(name) === undefined) this.shared.variables.set(name, '');
    output.include({ ...asked, waits: waits || set !== undefined, set: name, stub: block });
  }

  echo({ var: name = '', default: fallback, encoding }: Values, output: PageOutput): void {
    const value = this.#lookup(name.toLowerCase()) ?? fallback ?? '(none)';
    if (value === '') return;
    if (encoding === 'none' || encoding === 'url' || encoding === 'entity') this.#encoding = encoding;
    output.show(encode(value, this.#encoding));
  }

  config({ timefmt, errmsg }: Values): void {
    if (timefmt !== undefined) setTimeFormat(this.#x, timefmt);
    if (errmsg !== undefined) this.errorMessage = errmsg;
  }

  set({ var: name = '', value = '' }: Values): void {
    this.shared.variables.set(name.toLowerCase(), evaluate(value, this.#lookup));
  }

  beginIf(isElif: boolean, { expr = '' }: Values): void {
    if (!isElif && this.#conditional !== 'no') throw new SsiError('the "if" command inside the "if" command');
    if (this.#chosen) {
      this.shows = false;
      return;
    }
    this.shows = holds(expr, this.#lookup, this.shared);
    if (this.shows) this.#chosen = true;
    this.#conditional = 'if';
  }

  beginElse(): void {
    this.shows = !this.#chosen;
    this.#conditional = 'else';
  }

  endIf(): void {
    this.shows = true;
    this.#chosen = false;
    this.#conditional = 'no';
  }

  beginBlock({ name = '' }: Values): void {
    this.#block = { name, text: '' };
    this.shared.blocks.push(this.#block);
    this.shows = false;
  }

  endBlock(): void {
    this.shows = true;
    this.#block = null;
  }
}

function waitsFor({ virtual, file, wait }: Values): boolean {
  if (wait !== undefined) {
    if (virtual === undefined) throw new SsiError(`"wait" cannot be used with file="${file}"`);
    if (!/^(?:no|yes)$/i.test(wait)) throw new SsiError(`invalid value "${wait}" in the "wait" parameter`);
  }
  return virtual === undefined || wait?.toLowerCase() === 'yes';
}

const COMMANDS: Readonly<Record<string, Command>> = {
  include: {
    params: ['virtual', 'file', 'wait', 'set', 'stub'],
    behind: 'nothing',
    run: (page, values, output) => page.include(values, output),
  },
  echo: {
    params: ['var!', 'default', 'encoding'],
    behind: 'nothing',
    run: (page, values, output) => page.echo(values, output),
  },
  config: { params: ['errmsg', 'timefmt'], behind: 'nothing', run: (page, values) => page.config(values) },
  set: { params: ['var!', 'value!'], behind: 'nothing', run: (page, values) => page.set(values) },
  if: { params: ['expr!'], behind: 'nothing', run: (page, values) => page.beginIf(false, values) },
  elif: { params: ['expr!'], behind: 'if', run: (page, values) => page.beginIf(true, values) },
  else: { params: [], behind: 'if', run: (page) => page.beginElse() },
  endif: { params: [], behind: 'if or else', run: (page) => page.endIf() },
  block: { params: ['name!'], behind: 'nothing', run: (page, values) => page.beginBlock(values) },
  endblock: { params: [], behind: 'nothing', run: (page) => page.endBlock() },
};

function valuesOf(name: string, command: Command, params: readonly Parameter[]): Values {
  if (params.length > MOST_PARAMS) throw new SsiError(`too many SSI command parameters: "${name}"`);
  const values: Record<string, string | undefined> = {};
  for (const param of params) {
    if (!command.params.some((known) => known.replace('!', '') === param.name))
      throw new SsiError(`invalid parameter name: "${param.name}" in "${name}" SSI command`);
    if (values[param.name] !== undefined)
      throw new SsiError(`duplicate "${param.name}" parameter in "${name}" SSI command`);
    values[param.name] = param.value;
  }
  const missing = command.params.find(
    (known) => known.endsWith('!') && values[known.slice(0, -1)] === undefined,
  );
  if (missing !== undefined)
    throw new SsiError(`mandatory "${missing.slice(0, -1)}" parameter is absent in "${name}" SSI command`);
  return values;
}

/** The command as it is kept in a block. */
function textOf(name: string, params: readonly Parameter[]): string {
  const all = params.map((param) => ` ${param.name}="${param.value}"`).join('');
  return `<!--#${name}${all} -->`;
}
