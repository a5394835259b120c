// What a call brings: one JSON object of bounded size, read field by field.
import type { IncomingMessage } from 'node:http';

export type Fields = Readonly<Record<string, unknown>>;

/** Told to whoever called, with the status of the answer. */
export class CallError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_BYTES = 16 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Fields> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new CallError(415, 'send JSON: Content-Type: application/json');
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_BYTES) throw new CallError(413, `a call may have ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(pieces).toString('utf8') || '{}');
  } catch (error) {
    throw new CallError(400, `this is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CallError(400, 'send one JSON object');
  return value as Fields;
}

/** These fields, each of which has to be a text. */
export function words<K extends string>(fields: Fields, ...names: readonly K[]): Record<K, string> {
  const found: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (typeof value !== 'string') throw new CallError(400, `"${name}" is missing, or no text`);
    found[name] = value;
  }
  return found as Record<K, string>;
}
