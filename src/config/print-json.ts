// A tree as the text of a JSON configuration: what `convert` writes, and what the one-line commands are made of. Reading the text gives
// directives that mean the same: those of a kind in the same order, others perhaps gathered under one key.
import type { JsonShape, ShapeOf } from './json/read.ts';
import { entryShape, hasEntries, IN_ORDER, INCLUDE, PLURALS } from './json/shape.ts';
import { takes } from './json/values.ts';
import { type JsonMember, type JsonValue, layOut, list, object, scalar } from './json-layout.ts';
import type { Directive, Position, Word } from './tree.ts';

export interface JsonPrint {
  readonly shapeOf: ShapeOf;
  /** Hears of what cannot be written, and was left out. */
  readonly report: (at: Position, message: string) => void;
  /** The value of "$schema". */
  readonly schema?: string;
  /** Comments behind all else. */
  readonly ending?: readonly string[];
}

/** The text, with a line end. The directives are those of the main and the http level side by side, as JSON has them. */
export function printJson(directives: readonly Directive[], print: JsonPrint): string {
  const members = new JsonPrinter(print).members(directives, null);
  const { schema, ending = [] } = print;
  const first = schema === undefined ? [] : [{ key: '$schema', value: scalar(schema) }];
  return `${layOut(object([...first, ...members]), ending)}\n`;
}

const PLURAL_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(PLURALS).map(([plural, { name }]) => [name, plural]),
);

class JsonPrinter {
  readonly #shapeOf: ShapeOf;
  readonly #report: JsonPrint['report'];

  constructor({ shapeOf, report }: JsonPrint) {
    this.#shapeOf = shapeOf;
    this.#report = report;
  }

  /** The keys of a block. */
  members(directives: readonly Directive[], parent: string | null): JsonMember[] {
    if (hasEntries(parent)) {
      this.#checkEntries(directives, parent);
      return this.#gathered(directives, parent);
    }
    const turns = this.#inTurn(directives, parent);
    if (turns.length === 0) return this.#gathered(directives, parent);
    const rest = directives.filter((directive) => !turns.includes(directive));
    return [...this.#gathered(rest, parent), { key: IN_ORDER, value: list(this.#parts(turns, parent)) }];
  }

  /** Keys that stand often among others, as `delete` of geo: they would come together. */
  #checkEntries(directives: readonly Directive[], parent: string | null): void {
    const often = directives.filter(({ name }) => entryShape(name, parent)?.repeat);
    const [first] = often;
    if (first !== undefined && !inRuns(directives))
      this.#report(
        first.at,
        `"${first.name}" stands between others here, which JSON cannot tell: see whether its place matters`,
      );
  }

  /** All directives of the kinds whose order the keys of one object cannot have. */
  #inTurn(directives: readonly Directive[], parent: string | null): readonly Directive[] {
    const kinds = Map.groupBy(directives, ({ name }) => this.#shape(name, parent)?.kind ?? name);
    const turning = new Set([...kinds.values()].filter((those) => !inRuns(those)).flat());
    return directives.filter((directive) => turning.has(directive));
  }

  #parts(directives: readonly Directive[], parent: string | null): JsonValue[] {
    const parts: Directive[][] = [];
    for (const directive of directives) {
      const last = parts.at(-1);
      if (last !== undefined && inRuns([...last, directive])) last.push(directive);
      else parts.push([directive]);
    }
    return parts.map((part) => object(this.#gathered(part, parent)));
  }

  #shape(name: string, parent: string | null): JsonShape | undefined {
    if (name === 'include') return INCLUDE;
    const entry = entryShape(name, parent);
    if (entry !== undefined) return entry;
    const shape = this.#shapeOf(name, parent);
    const plural = shape?.block ? PLURAL_OF.get(name) : undefined;
    return plural === undefined ? shape : PLURALS[plural];
  }

  #gathered(directives: readonly Directive[], parent: string | null): JsonMember[] {
    const names = Map.groupBy(directives, ({ name }) => name);
    return [...names].flatMap(([name, those]) => {
      const shape = this.#shape(name, parent);
      if (parent === 'upstream' && name === 'server') return { key: 'servers', value: this.#peers(those) };
      const key = shape?.block ? (PLURAL_OF.get(name) ?? name) : name;
      const value = shape?.block ? this.#blocks(those, shape) : this.#values(those, shape);
      return value === undefined ? [] : { key, value };
    });
  }

  #peers(those: readonly Directive[]): JsonValue {
    return list(those.map((each) => commented(scalar(joined(each.args)), each)));
  }

  #blocks(those: readonly Directive[], shape: JsonShape): JsonValue {
    if (shape.maxArgs === 0) {
      const blocks = those.map((each) => commented(object(this.members(each.block ?? [], each.name)), each));
      return shape.repeat && (blocks.length > 1 || PLURAL_OF.has(shape.name)) ? list(blocks) : blocks[0];
    }
    // Of two that are called alike each has an object of its own.
    const objects: JsonMember[][] = [];
    for (const each of those) {
      const member = { key: joined(each.args), value: this.#named(each) };
      const free = objects.find((one) => one.every(({ key }) => key !== member.key));
      if (free !== undefined && free === objects.at(-1)) free.push(member);
      else objects.push([member]);
    }
    return objects.length === 1 ? object(objects[0]) : list(objects.map((one) => object(one)));
  }

  #named(directive: Directive): JsonValue {
    const { name, block = [] } = directive;
    const [only] = block;
    const isUrl =
      block.length === 1 && name === 'location' && only.name === 'proxy_pass' && only.args.length === 1;
    const mayBeShort =
      isUrl && (only.comments ?? []).length === 0 && /^https?:\/\/|^\$/.test(only.args[0].text);
    return commented(mayBeShort ? scalar(only.args[0].text) : object(this.members(block, name)), directive);
  }

  #values(those: readonly Directive[], shape: JsonShape | undefined): JsonValue | undefined {
    if (shape?.repeat) return this.#list(those, shape);
    const [first, ...more] = those;
    if (more.length === 0) return commented(single(first, shape), first);
    const comments = those.flatMap((each) => each.comments ?? []);
    switch (shape?.together) {
      case 'union': {
        const args = those.flatMap((each) => each.args);
        return commented(single({ ...first, args }, shape), { comments });
      }
      case 'last':
        for (const each of those.slice(0, -1))
          this.#report(each.at, `"${each.name}" has no effect, as another follows: left out`);
        return commented(single(those[those.length - 1], shape), { comments });
      case 'nothing':
        for (const each of more)
          this.#report(each.at, `"${each.name}" has no effect in lbproxy: this one is left out`);
        return commented(single(first, shape), { comments });
      default:
        for (const each of more)
          this.#report(each.at, `"${each.name}" stands twice, which JSON cannot tell: left out`);
        return commented(single(first, shape), { comments });
    }
  }

  #list(those: readonly Directive[], shape: JsonShape): JsonValue {
    if (isNamed(those)) {
      const members = those.map((each) => {
        const [name, ...rest] = each.args;
        const value = rest.length === 1 ? text(rest[0]) : list(rest.map(text));
        return { key: name.text, value: commented(value, each) };
      });
      return object(members);
    }
    const [only] = those;
    if (those.length === 1) {
      const value = single(only, shape);
      // What the reader takes for several would be several: but of `return` a status and its text.
      const isOne = value.is === 'scalar' || (only.name === 'return' && NUMBER.test(only.args[0].text));
      return commented(isOne ? value : list([value]), only);
    }
    return list(those.map((each) => commented(single(each, shape), each)));
  }
}

/** Each name in one run. */
function inRuns(directives: readonly Directive[]): boolean {
  const names = directives.map(({ name }) => name);
  return names.every((name, i) => names.indexOf(name) === i || names[i - 1] === name);
}

const NAMED = /_set_header$|^add_(?:header|trailer)$|_param$|^environment$/;
/** Keys by which the reader knows the form of another tool. */
const MISTAKABLE: ReadonlySet<string> = new Set(['name', 'header', 'field', 'value']);

/** Several of a name and a value, no two of one name: an object. */
function isNamed(those: readonly Directive[]): boolean {
  const names = those.map(({ args }) => args[0]?.text ?? '');
  return (
    NAMED.test(those[0].name) &&
    those.every(({ args }) => args.length > 1) &&
    new Set(names).size === names.length &&
    !names.some((name) => MISTAKABLE.has(name))
  );
}

function commented(
  value: JsonValue,
  { comments = [] }: { readonly comments?: readonly string[] },
): JsonValue {
  return comments.length === 0 ? value : { ...value, comments: [...comments, ...(value.comments ?? [])] };
}

/** One directive's arguments: a scalar, or a list of them. */
function single({ name, args }: Directive, shape: JsonShape | undefined): JsonValue {
  if (args.length === 0) return scalar(true);
  // Its words are joined again.
  if (name === 'command' && args.length === 1 && PLAIN_COMMAND.test(args[0].text))
    return scalar(args[0].text);
  if (args.length > 1 || shape === undefined) {
    const simple =
      shape !== undefined && shape.maxArgs > 1 && args.every(({ text: word }) => PLAIN.test(word));
    return simple ? scalar(joined(args)) : list(args.map((word) => text(word)));
  }
  const [word] = args;
  if (NUMBER.test(word.text)) return { is: 'scalar', value: word.text };
  if (shape.maxArgs > 0 && word.text === 'on' && takes(shape.syntax, true)) return scalar(true);
  if (shape.maxArgs > 0 && word.text === 'off' && takes(shape.syntax, false)) return scalar(false);
  // Alone it would be split, or taken for a slip.
  const isSafe = (shape.maxArgs === 1 || PLAIN.test(word.text)) && !/;\s*$/.test(word.text);
  return isSafe ? scalar(word.text) : list([scalar(word.text)]);
}

/** Not `08` or `1e3`, which are no numbers to JSON, or others. */
const NUMBER = /^(?:0|[1-9]\d{0,14})$/;

function text(word: Word): JsonValue {
  return NUMBER.test(word.text) ? { is: 'scalar', value: word.text } : scalar(word.text);
}

const PLAIN_COMMAND = /^[^\s'"\\]+(?: [^\s'"\\]+)*$/;

/** A word that stands for itself where words are split at blanks. */
const PLAIN = /^[^\s"'\\;]+(?:["'][^\s"'\\;]*)*$/;

/** Words as one text that is split into them again. */
function joined(args: readonly Word[]): string {
  return args.map(({ text: word }) => (NEEDS_QUOTES.test(word) ? quoted(word) : escaped(word))).join(' ');
}

const NEEDS_QUOTES = /^$|[ \t\r\n]|^["')]/;

const quoted = (word: string): string => {
  const quote = word.includes('"') && !word.includes("'") ? "'" : '"';
  return quote + escaped(word).replaceAll(quote, `\\${quote}`) + quote;
};

/** A backslash only where it would be taken for an escape. */
function escaped(word: string): string {
  return word.replace(/\\(?=["'\\trn\t\r\n]|$)|[\t\r\n]/g, (c) => CONTROL[c] ?? '\\\\');
}

const CONTROL: Readonly<Record<string, string>> = { '\t': '\\t', '\r': '\\r', '\n': '\\n' };
