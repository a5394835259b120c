// upstreams.json to the same tree that an nginx.conf becomes: keys are directives, nesting is blocks, places are kept.
import type { Node } from 'jsonc-parser';
import { splitWords } from '../nginx/lex.ts';
import { places, withoutBom } from '../places.ts';
import type { Problems } from '../problem.ts';
import type { Directive, Position, Word } from '../tree.ts';
import { blockForm, peerForm, rightForm } from './right-forms.ts';
import { entryShape, hasEntries, IN_ORDER, INCLUDE, type JsonShape, PLURALS, type ShapeOf } from './shape.ts';
import { parseJson } from './syntax.ts';
import { describe, isEmpty, isOneDirective, nameMissing, properties, takes } from './values.ts';

export type { JsonShape, ShapeOf } from './shape.ts';

/**
 * Reads a configuration in JSON syntax. `file` is the name that positions carry; problems go to `problems`, and when there are any,
 * the directives are what could be understood. `parent` is the block that an included file stands in; it is a fifth
 * parameter because an include alone needs it.
 */
export function readJson(
  text: string,
  file: string,
  problems: Problems,
  shapeOf: ShapeOf,
  parent: string | null = null,
): Directive[] {
  const body = withoutBom(text);
  const place = places(body, file);
  const root = parseJson({ text: body, place, problems });
  if (root === undefined) return [];
  if (root.type !== 'object') {
    const form = root.type === 'array' ? '; write { "servers": [ … ] }' : '';
    problems.error(place(root.offset), `a configuration is an object, { … }, not ${describe(root)}${form}`);
    return [];
  }
  return new Reader(body, place, problems, shapeOf).object(root, parent, '$schema');
}

/** A key with its value, and the directive it names. `shape` is undefined where nobody knows the name. */
interface Entry {
  /** As it is written; the name is the canonical one. */
  readonly key: string;
  readonly name: string;
  readonly shape: JsonShape | undefined;
  readonly at: Position;
}

class Reader {
  readonly #text: string;
  readonly #place: (offset: number) => Position;
  readonly #problems: Problems;
  readonly #shapeOf: ShapeOf;

  constructor(text: string, place: (offset: number) => Position, problems: Problems, shapeOf: ShapeOf) {
    this.#text = text;
    this.#place = place;
    this.#problems = problems;
    this.#shapeOf = shapeOf;
  }

  /** The directives of a block. */
  object(node: Node, parent: string | null, ignoredKey?: string): Directive[] {
    return properties(node).flatMap(([key, value]) => {
      if (key.value === ignoredKey) return [];
      if (parent === 'upstream' && (key.value === 'servers' || key.value === 'server'))
        return this.#peers(value);
      if (key.value === IN_ORDER && !hasEntries(parent)) return this.#inOrder(value, parent);
      const shape = this.#shape(key.value, parent);
      return this.#value({ key: key.value, name: shape?.name ?? key.value, shape, at: this.#at(key) }, value);
    });
  }

  /** `"in_order": [{ "set": … }, { "if": … }, { "set": … }]`: each object is a part of the block. */
  #inOrder(value: Node, parent: string | null): Directive[] {
    const parts = value.type === 'array' ? (value.children ?? []) : [value];
    return parts.flatMap((part) =>
      part.type === 'object'
        ? this.object(part, parent)
        : this.#refuse(part, `"${IN_ORDER}" is a list of objects, [{ … }, { … }], not ${describe(part)}`),
    );
  }

  #shape(name: string, parent: string | null): JsonShape | undefined {
    if (name === 'include') return INCLUDE;
    const entry = entryShape(name, parent);
    if (entry !== undefined) return entry;
    return Object.hasOwn(PLURALS, name) ? PLURALS[name] : this.#shapeOf(name, parent);
  }

  #value(entry: Entry, node: Node): Directive[] {
    if (node.type !== 'array') return this.#single(entry, node);
    if (this.#saysNothing(entry, node) || this.#isMisshapen(entry, node)) return [];
    const elements = node.children ?? [];
    const together = entry.shape !== undefined && isOneDirective(entry.shape, elements);
    if ((entry.shape?.repeat && !together) || entry.shape?.block) {
      // Each element is a directive of its own, so it carries its own place.
      return elements
        .flatMap((element) => this.#single({ ...entry, at: this.#at(element) }, element))
        .map((directive) => ({ ...directive, fromList: true }));
    }
    return [{ name: entry.name, args: this.#list(entry, elements), at: entry.at, fromList: true }];
  }

  /** An empty list or object, which was reported: nothing would be set, and the default hold. */
  #saysNothing({ key, shape }: Entry, node: Node): boolean {
    if (shape === undefined || shape.block || !isEmpty(node)) return false;
    if (shape.names && node.type === 'object') return false;
    const advice = `says nothing; leave "${key}" out, or give it a value`;
    this.#problems.error(
      this.#at(node),
      `"${key}": an empty ${node.type === 'array' ? 'list' : 'object'} ${advice}`,
    );
    return true;
  }

  /** A value in the form of another tool, which was reported. */
  #isMisshapen({ key, name, shape }: Entry, node: Node): boolean {
    const message = shape === undefined || shape.block ? undefined : rightForm(key, name, node);
    if (message !== undefined) this.#problems.error(this.#at(node), message);
    return message !== undefined;
  }

  /** The directives that one value stands for. */
  #single(entry: Entry, node: Node): Directive[] {
    const { key, name, shape, at } = entry;
    if (this.#saysNothing(entry, node) || (node.type !== 'array' && this.#isMisshapen(entry, node)))
      return [];
    if (node.type === 'object') return this.#objectValue(entry, node);
    if (shape?.block) return this.#refuse(node, blockForm(key, name, node));
    if (node.type === 'array')
      return [{ name, args: this.#list(entry, node.children ?? []), at, fromList: true }];
    if (shape?.maxArgs === 0 && (node.type === 'boolean' || node.value === '')) {
      return node.value === false ? [] : [{ name, args: [], at }];
    }
    if (node.type === 'string' && shape !== undefined && shape.maxArgs > 1) {
      const words = this.#split(node);
      // No words at all: the empty text itself is the argument, as in `server_name "";`.
      return [{ name, args: words.length > 0 ? words : [this.#verbatim(node)], at }];
    }
    // `"random": true`: it may stand alone, and has no word for that.
    if (shape?.minArgs === 0 && node.value === true && !takes(shape.syntax, true))
      return [{ name, args: [], at }];
    if (node.type === 'boolean' && !takes(shape?.syntax, node.value))
      return this.#refuse(node, `"${key}" cannot be ${node.value}; it is: ${shape?.syntax}`);
    const word = this.#word(key, node);
    return word === undefined ? [] : [{ name, args: [word], at }];
  }

  #objectValue(entry: Entry, node: Node): Directive[] {
    const { name, shape, at } = entry;
    if (shape === undefined || (shape.block && shape.maxArgs === 0)) {
      return [{ name, args: [], block: this.object(node, name), at }];
    }
    const unnamed = shape.block ? nameMissing(entry.key, node, (key) => this.#shapeOf(key, name)) : undefined;
    if (unnamed !== undefined) return this.#refuse(node, unnamed);
    return properties(node).flatMap(([key, value]) =>
      shape.block ? this.#namedBlock(entry, key, value) : this.#keyed(entry, key, value),
    );
  }

  /** `"locations": { "= /x": { … } }`: the words of the key are the arguments. */
  #namedBlock(entry: Entry, key: Node, value: Node): Directive[] {
    const args = this.#split(key);
    if (args.length === 0)
      return this.#refuse(key, `a name is expected here in "${entry.key}", not ${describe(key)}`);
    const block = value.type === 'object' ? this.object(value, entry.name) : this.#mainOf(entry, key, value);
    return block === undefined ? [] : [{ name: entry.name, args, block, at: this.#at(key) }];
  }

  /** A block given as text is its main directive: `"/": "http://app"`, `"web": "node app.js"`, `"app": ["127.0.0.1:8001"]`. */
  #mainOf(entry: Entry, key: Node, value: Node): Directive[] | undefined {
    const isText = value.type === 'string';
    const at = this.#at(value);
    if (entry.name === 'upstream' && (isText || value.type === 'array')) return this.#peers(value);
    if (entry.name === 'program' && (isText || value.type === 'array')) {
      const args = isText ? [this.#verbatim(value)] : this.#list(entry, value.children ?? []);
      return [{ name: 'command', args, at }];
    }
    if (entry.name === 'location' && isText) {
      if (/^https?:\/\/|^\$/.test(value.value))
        return [{ name: 'proxy_pass', args: [this.#verbatim(value)], at }];
      const message = `"${key.value}": ${describe(value)} is no URL; write "http://…", or an object such as { "proxy_pass": "http://…" }`;
      return this.#problems.error(at, message);
    }
    const message = `"${key.value}": an object, { … }, is expected here, not ${describe(value)}`;
    return this.#problems.error(at, message);
  }

  /** `"proxy_set_header": { "Host": "$http_host" }`: the key is the first argument. */
  #keyed(entry: Entry, key: Node, value: Node): Directive[] {
    const first = this.#verbatim(key);
    const { name } = entry;
    if (value.type === 'array') {
      const more = this.#list(entry, value.children ?? []);
      return [{ name, args: [first, ...more], at: first.at, fromList: true }];
    }
    if (value.type === 'boolean') {
      const advice = `write the text that is meant, "${value.value}" or "${value.value ? 'on' : 'off'}"`;
      return this.#refuse(value, `"${key.value}" cannot be ${value.value}: ${advice}`);
    }
    const word = this.#word(key.value, value);
    return word === undefined ? [] : [{ name, args: [first, word], at: first.at }];
  }

  /** The servers of an upstream: addresses as text, or objects with the parameters as keys. */
  #peers(value: Node): Directive[] {
    const elements = value.type === 'array' ? (value.children ?? []) : [value];
    const fromList = value.type === 'array' && { fromList: true };
    return elements.flatMap((element): Directive[] => {
      const at = this.#at(element);
      if (element.type === 'string') return [{ name: 'server', args: this.#split(element), at, ...fromList }];
      const form = peerForm(element);
      // Taken for what is meant, so that nothing else is said of the group.
      if (form !== undefined) {
        this.#problems.error(at, form.message);
        return [{ name: 'server', args: [{ text: form.address, at }], at }];
      }
      if (element.type === 'object') return [{ name: 'server', args: this.#peer(element), at, ...fromList }];
      return this.#refuse(
        element,
        `a server of an upstream is an address, "127.0.0.1:8001", or { "address": …, "weight": 2 }, not ${describe(element)}`,
      );
    });
  }

  #peer(node: Node): Word[] {
    const args: Word[] = [];
    let address: Word | undefined;
    for (const [key, value] of properties(node)) {
      const at = this.#at(key);
      if (key.value === 'address') address = this.#word('address', value);
      else if (value.type === 'boolean') args.push(...(value.value ? [{ text: key.value, at }] : []));
      else {
        const word = this.#word(key.value, value);
        if (word !== undefined) args.push({ text: `${key.value}=${word.text}`, at });
      }
    }
    if (address === undefined && !properties(node).some(([key]) => key.value === 'address')) {
      this.#problems.error(this.#at(node), 'this server has no "address", such as "127.0.0.1:8001"');
    }
    return address === undefined ? args : [address, ...args];
  }

  /** Elements of a list as arguments, each as it stands. */
  #list({ key, shape }: Entry, elements: readonly Node[]): Word[] {
    return elements.flatMap((element) => {
      // Of a name that nobody knows, the name is what gets reported.
      if (shape === undefined && element.children !== undefined) return [];
      return this.#word(key, element) ?? [];
    });
  }

  /** A value as one argument; undefined after a problem was reported. */
  #word(name: string, node: Node): Word | undefined {
    const at = this.#at(node);
    if (node.type === 'string') return this.#verbatim(node);
    if (node.type === 'number') return { text: this.#source(node), at };
    if (node.type === 'boolean') return { text: node.value ? 'on' : 'off', at };
    const advice =
      node.type === 'null' ? 'leave the key out, or give it a value' : 'write text, a number, true or false';
    return this.#problems.error(at, `"${name}" cannot be ${describe(node)}: ${advice}`);
  }

  #verbatim(node: Node): Word {
    return { text: node.value, at: this.#at(node) };
  }

  /** The words of a text by nginx's rules of quotes, each with its place. */
  #split(node: Node): Word[] {
    const value: string = node.value;
    const { words, problem } = splitWords(value);
    const raw = this.#source(node).slice(1);
    // Behind an escape, offsets in the value are not offsets in the file: the place is then that of the whole text.
    let alike = 0;
    while (alike < value.length && raw[alike] === value[alike]) alike++;
    const at = (offset: number) => this.#place(offset <= alike ? node.offset + 1 + offset : node.offset);
    if (problem !== undefined) this.#problems.error(at(problem.offset), problem.message);
    return words.map((word) => ({ text: word.text, at: at(word.offset) }));
  }

  #refuse(node: Node, message: string): [] {
    this.#problems.error(this.#at(node), message);
    return [];
  }

  #source(node: Node): string {
    return this.#text.slice(node.offset, node.offset + node.length);
  }

  #at(node: Node): Position {
    return this.#place(node.offset);
  }
}
