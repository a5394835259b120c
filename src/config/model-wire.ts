// A Model on its way to the acceptors: pieces of text, made once for all of them, that are read one by one beside traffic. A level carries
// what it sets itself; values that are equal travel once, and are one object on the other side.
import { privateKeys } from './level.ts';
import type {
  LocationModel,
  Model,
  ProgramModel,
  ScriptOp,
  ServerModel,
  Settings,
  UpstreamModel,
  VariableModel,
} from './model.ts';
import { outermostOf } from './registry.ts';
import { handedDown, type OwnSettings, settingsOver } from './settings.ts';

/** Of so many characters a piece is done: to read it takes less than a millisecond. */
const PIECE_CHARS = 65_536;

/** In the order in which they are to be read. */
export type PackedModel = readonly string[];

/** In the place of settings: what is plain, and of each other key the number of its value. */
type PackedSettings = readonly [plain: OwnSettings, values: Readonly<Record<string, number>>];

type Head = Pick<Model, 'syntax' | 'prefix' | 'settings'>;

/** What stands at the outermost level, by the key that it has in a Model. */
interface Blocks {
  readonly upstreams: UpstreamModel;
  readonly programs: ProgramModel;
  readonly servers: ServerModel;
  readonly variables: VariableModel;
}

/** `values` are those that nothing before named. The first one has the head. */
interface Piece {
  readonly values: readonly unknown[];
  readonly head?: Head;
  /** With the head: what levels do not hand down. Acceptors need not know the rows of directives, which say so. */
  readonly privates?: readonly (keyof Settings)[];
  readonly blocks: readonly (readonly [kind: keyof Blocks, block: Blocks[keyof Blocks]])[];
}

export function packModel(model: Model): PackedModel {
  const packer = new Packer();
  const { syntax, prefix, settings, upstreams, programs, servers, variables } = model;
  packer.begin({ syntax, prefix, settings });
  for (const block of upstreams) packer.add('upstreams', block);
  for (const block of programs) packer.add('programs', block);
  for (const server of servers) packer.add('servers', server);
  for (const variable of variables) packer.add('variables', variable);
  return packer.end();
}

class Packer {
  readonly #pieces: string[] = [];
  /** Of all values so far, by their text; and of those that were met, so that they are not made text again. */
  readonly #numbers = new Map<string, number>();
  readonly #met = new Map<object, number>();
  #values: string[] = [];
  #blocks: string[] = [];
  #chars = 0;
  #head = '';

  begin(head: Head): void {
    this.#head = `"head":${JSON.stringify(this.#level(head))},"privates":${JSON.stringify([...privateKeys()])},`;
  }

  add<K extends keyof Blocks>(kind: K, block: Blocks[K]): void {
    const text = JSON.stringify([kind, this.#level(block)]);
    this.#blocks.push(text);
    this.#chars += text.length;
    if (this.#chars >= PIECE_CHARS) this.#endPiece();
  }

  end(): PackedModel {
    if (this.#head !== '' || this.#blocks.length > 0) this.#endPiece();
    return this.#pieces;
  }

  #endPiece(): void {
    this.#pieces.push(`{"values":[${this.#values.join()}],${this.#head}"blocks":[${this.#blocks.join()}]}`);
    this.#head = '';
    this.#values = [];
    this.#blocks = [];
    this.#chars = 0;
  }

  #level(it: Head | Blocks[keyof Blocks] | LocationModel): unknown {
    if (!('settings' in it)) return it;
    const settings = this.#settings(it.settings);
    if (!('locations' in it)) return { ...it, settings };
    const locations = it.locations.map((location) => this.#level(location));
    return { ...it, settings, script: this.#script(it.script), locations };
  }

  #script(ops: readonly ScriptOp[]): unknown {
    return ops.map((op) => {
      if (op.op !== 'if') return op;
      const settings = op.settings === null ? null : this.#settings(op.settings);
      return { ...op, settings, script: this.#script(op.script) };
    });
  }

  #settings(settings: Settings): PackedSettings {
    const plain: Record<string, unknown> = {};
    const values: Record<string, number> = {};
    for (const [key, value] of Object.entries(settings) as [string, unknown][]) {
      if (typeof value === 'object' && value !== null) values[key] = this.#numberOf(value);
      else plain[key] = value;
    }
    return [plain as OwnSettings, values];
  }

  #numberOf(value: object): number {
    const met = this.#met.get(value);
    if (met !== undefined) return met;
    const text = JSON.stringify(value);
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    if (number === this.#numbers.size) {
      this.#values.push(text);
      this.#chars += text.length;
    }
    this.#numbers.set(text, number);
    this.#met.set(value, number);
    return number;
  }
}

/** Puts a Model together again, piece by piece. */
export class ModelReader {
  readonly #values: unknown[] = [];
  readonly #upstreams: UpstreamModel[] = [];
  readonly #programs: ProgramModel[] = [];
  readonly #servers: ServerModel[] = [];
  readonly #variables: VariableModel[] = [];
  #head: Head | null = null;
  #privates: ReadonlySet<keyof Settings> = new Set();

  take(text: string): void {
    const { values, head, privates, blocks } = JSON.parse(text) as Piece;
    if (privates !== undefined) this.#privates = new Set(privates);
    for (const value of values) this.#values.push(value);
    if (head !== undefined)
      this.#head = { ...head, settings: this.#settings(head.settings, outermostOf(head.syntax)) };
    for (const [kind, block] of blocks) this.#block(kind, block);
  }

  #block(kind: keyof Blocks, block: Blocks[keyof Blocks]): void {
    const { settings } = this.#begun();
    if (kind === 'servers') this.#servers.push(this.#level(block as ServerModel, settings));
    else if (kind === 'variables') this.#variables.push(block as VariableModel);
    else {
      const named = block as UpstreamModel;
      const list = kind === 'upstreams' ? this.#upstreams : this.#programs;
      list.push({ ...named, settings: this.#settings(named.settings, settings) });
    }
  }

  #begun(): Head {
    if (this.#head === null) throw new Error('a Model without its first piece');
    return this.#head;
  }

  /** Of all pieces that were taken. */
  get model(): Model {
    return {
      ...this.#begun(),
      upstreams: this.#upstreams,
      programs: this.#programs,
      servers: this.#servers,
      variables: this.#variables,
    };
  }

  #settings(packed: unknown, inherited: Settings): Settings {
    const [plain, values] = packed as PackedSettings;
    const own: Record<string, unknown> = plain;
    for (const key of Object.keys(values)) own[key] = this.#values[values[key]];
    return settingsOver(inherited, own as OwnSettings);
  }

  #level<L extends ServerModel | LocationModel>(it: L, inherited: Settings): L {
    const settings = this.#settings(it.settings, inherited);
    const script = it.script.length === 0 ? NO_OPS : this.#script(it.script, settings);
    if (it.locations.length === 0) return { ...it, settings, script, locations: NO_LOCATIONS };
    const handed = handedDown(settings, this.#privates);
    return { ...it, settings, script, locations: it.locations.map((inner) => this.#level(inner, handed)) };
  }

  #script(ops: readonly ScriptOp[], outer: Settings): readonly ScriptOp[] {
    return ops.map((op) => {
      if (op.op !== 'if') return op;
      const settings = op.settings === null ? null : this.#settings(op.settings, outer);
      return { ...op, settings, script: this.#script(op.script, outer) };
    });
  }
}

const NO_OPS: readonly ScriptOp[] = [];
const NO_LOCATIONS: readonly LocationModel[] = [];
