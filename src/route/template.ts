// Strings with $variables, compiled once into a function of the exchange. Constant text is folded.
// Pure: which variables exist is told by a lookup that compile.ts and config/build.ts provide.
import { isUtf8 } from 'node:buffer';
import type { Exchange } from '../exchange/exchange.ts';

/** The value of a variable in an exchange; undefined = not set (prints as '', or '-' in logs). Bytes as latin1. */
export interface Getter {
  (exchange: Exchange): string | undefined;
  /**
   * For who writes a value and needs no string of it: the same in pieces. Where it is not set, neither is the first of them, and the others
   * are empty.
   */
  readonly pieces?: readonly Getter[];
}

/** Finds the getter of a variable by its name without the '$'; undefined when there is no such variable. */
export type VariableLookup = (name: string) => Getter | undefined;

/** A room's variables. Names ending in '_' are families (`http_`): the function gets the rest of the name. */
export interface VariableTable {
  readonly plain: Readonly<Record<string, Getter>>;
  readonly families: Readonly<Record<string, (rest: string) => Getter>>;
}

export type Part = { readonly literal: string } | { readonly variable: string; readonly offset: number };

/** Splits a template. A '$' that starts no name is an error in nginx (`invalid variable name`): reported as such. */
export function parseTemplate(
  text: string,
): readonly Part[] | { readonly error: string; readonly offset: number } {
  const parts: Part[] = [];
  let literal = '';
  let p = 0;
  while (p < text.length) {
    if (text[p] !== '$') {
      literal += text[p++];
      continue;
    }
    const m = VARIABLE.exec(text.slice(p));
    if (m === null) {
      // nginx lets a '$' at the very end stand for itself (regular expressions end so).
      if (p === text.length - 1) return [...parts, { literal: `${literal}$` }];
      return { error: 'invalid variable name', offset: p };
    }
    if (literal !== '') parts.push({ literal });
    literal = '';
    parts.push({ variable: m[1] ?? m[2], offset: p });
    p += m[0].length;
  }
  if (literal !== '') parts.push({ literal });
  return parts;
}

const VARIABLE = /^\$(?:\{([A-Za-z0-9_]+)\}|([1-9](?![0-9])|[A-Za-z_][A-Za-z0-9_]*|[0-9]))/;

/** UTF-8 text of a configuration as the bytes it stands for, one character each: what the road works with. */
export function toBytes(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').latin1Slice();
}

/** The reverse: bytes of the road as text. What is not valid UTF-8 is read as ISO 8859-1, so that nothing is lost. */
export function toText(bytes: string): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  const raw = Buffer.from(bytes, 'latin1');
  return isUtf8(raw) ? raw.toString('utf8') : bytes;
}

/** Compiles a template. Unknown variables were reported when the configuration was read; here they give ''. */
export function compileTemplate(text: string, lookup: VariableLookup): (exchange: Exchange) => string {
  const parts = parseTemplate(text);
  if ('error' in parts) return () => toBytes(text);
  const constant = parts.every((part) => 'literal' in part);
  if (constant) {
    const value = toBytes(text);
    return () => value;
  }
  const pieces = parts.map((part) =>
    'literal' in part ? toBytes(part.literal) : (lookup(part.variable) ?? empty),
  );
  if (pieces.length === 1) {
    const getter = pieces[0] as Getter;
    return (exchange) => getter(exchange) ?? '';
  }
  return (exchange) => {
    let value = '';
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      value += typeof piece === 'string' ? piece : (piece(exchange) ?? '');
    }
    return value;
  };
}

/** The constant value of a template without variables, or undefined. */
export function constantOf(text: string): string | undefined {
  const parts = parseTemplate(text);
  return 'error' in parts || parts.some((part) => 'variable' in part) ? undefined : toBytes(text);
}

const empty: Getter = () => undefined;
