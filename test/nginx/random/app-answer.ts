// What the apps of random configurations answer, whatever they speak: the answer of the HTTP peer as CGI writes it.
import { ANSWERS, type Told } from './answers.ts';
import { kindOf } from './peer.ts';

/** What an app was asked, `name=value` each, and the whole of it as a text. */
export interface AppAsked {
  readonly fields: readonly string[];
  readonly text: string;
}

export function askedOf(name: string, parameters: readonly string[], body: Buffer): AppAsked {
  const fields = [...parameters].sort();
  return { fields, text: [name, ...fields, '', body.latin1Slice()].join('\n') };
}

/** null: no answer at all. */
export function appAnswer({ fields, text }: AppAsked, origin: string): Buffer | null {
  const target = fields.find((field) => field.startsWith('REQUEST_URI=')) ?? '';
  const kind = kindOf(target, fields);
  if (kind > ANSWERS.length) return null;
  const told: Told = kind === 0 ? { fields: ['Content-Type: text/plain'], body: text } : ANSWERS[kind - 1];
  const { status, fields: own = [], body = '', framing = 'length' } = told;
  const lines = [...(status === undefined ? [] : [`Status: ${status}`]), ...own];
  const bare = /^(?:204|304)/.test(status ?? '');
  if (framing === 'length' && !bare) lines.push(`Content-Length: ${body.length}`);
  const head = lines.map((field) => `${field.replaceAll('http://PEER', origin)}\r\n`).join('');
  return Buffer.from(`${head}\r\n${bare ? '' : body}`, 'latin1');
}
