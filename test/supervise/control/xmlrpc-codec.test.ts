// XML-RPC against Python's own implementation, both ways, with values by the hundred; and what is refused.
import { describe, expect, it } from 'vitest';
import { asText, RpcDateTime, RpcDouble, type RpcValue } from '../../../src/supervise/control/rpc-values.ts';
import {
  type RpcAnswer,
  readCall,
  writeAnswer,
  writeFault,
} from '../../../src/supervise/control/xmlrpc-codec.ts';
import { cpuMs, leastCpuMs } from '../../support/cpu-time.ts';
import { python, supervisorVersion } from '../../support/supervisord.ts';

/** A sequence of numbers that is the same in each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * sides);
  };
}

const ALPHABET = [
  'a',
  'Z',
  '9',
  ' ',
  '\n',
  '\t',
  '&',
  '<',
  '>',
  '"',
  "'",
  ']]>',
  '&amp;',
  '%',
  'ü',
  '€',
  '😀',
  '\u00a0',
  '<!--',
  '\\',
];

function text(roll: (sides: number) => number): string {
  return Array.from({ length: roll(12) }, () => ALPHABET[roll(ALPHABET.length)]).join('');
}

/** Values of every kind that Python can send, in JSON; `$…` are those that JSON has not. */
function sample(roll: (sides: number) => number, depth: number): unknown {
  const kind = roll(depth > 0 ? 10 : 7);
  if (kind === 0) return roll(2) === 1;
  if (kind === 1) return roll(2 ** 31) * (roll(2) === 1 ? 1 : -1);
  if (kind === 2) return { $float: (roll(2_000_000) - 1_000_000) / 2 ** roll(40) };
  if (kind === 3)
    return { $time: [1970 + roll(100), 1 + roll(12), 1 + roll(28), roll(24), roll(60), roll(60)] };
  if (kind === 4) return { $bytes: text(roll) };
  if (kind === 5) return null;
  if (kind === 6) return text(roll);
  const size = roll(4);
  if (kind < 9) return Array.from({ length: size }, () => sample(roll, depth - 1));
  return Object.fromEntries(
    Array.from({ length: size }, (_, i) => [`${i}${text(roll)}`, sample(roll, depth - 1)]),
  );
}

/** An answer has fewer kinds. */
function answer(roll: (sides: number) => number, depth: number): RpcAnswer {
  const kind = roll(depth > 0 ? 6 : 3);
  if (kind === 0) return roll(2) === 1;
  if (kind === 1) return roll(2 ** 31) * (roll(2) === 1 ? 1 : -1);
  if (kind === 2) return text(roll);
  const size = roll(4);
  if (kind < 5) return Array.from({ length: size }, () => answer(roll, depth - 1));
  return Object.fromEntries(
    Array.from({ length: size }, (_, i) => [`k${i}${text(roll)}`, answer(roll, depth - 1)]),
  );
}

/** What was read, in the JSON of the samples. */
function plain(value: RpcValue): unknown {
  if (value instanceof RpcDouble) return { $float: value.value };
  if (value instanceof RpcDateTime) return { $time: value.parts };
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, v]) => [key, plain(v)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** Of Supervisor, bytes become text. */
function asRead(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asRead);
  if (typeof value !== 'object' || value === null) return value;
  const [[key, inner] = []] = Object.entries(value);
  if (key === '$bytes') return inner;
  if (key === '$float' || key === '$time') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, asRead(v)]));
}

const DUMPS = `
import sys, json, datetime, xmlrpc.client as x
def python(v):
    if isinstance(v, dict) and list(v) == ['$time']: return datetime.datetime(*v['$time'])
    if isinstance(v, dict) and list(v) == ['$bytes']: return x.Binary(v['$bytes'].encode())
    if isinstance(v, dict) and list(v) == ['$float']: return float(v['$float'])
    if isinstance(v, dict): return {k: python(w) for k, w in v.items()}
    if isinstance(v, list): return [python(w) for w in v]
    return v
print(json.dumps([x.dumps((python(v),), 'm.n', allow_none=True) for v in json.load(sys.stdin)]))
`;

const BOTH = `
import sys, json, xmlrpc.client as x
out = []
for v in json.load(sys.stdin):
    out.append([x.dumps((v['value'],), methodresponse=True), x.loads(v['text'])[0][0]])
print(json.dumps(out))
`;

const STRINGS = `
import sys, json
def python(v):
    import datetime
    if isinstance(v, dict) and list(v) == ['$time']: return datetime.datetime(*v['$time'])
    if isinstance(v, dict) and list(v) == ['$float']: return float(v['$float'])
    if isinstance(v, dict) and list(v) == ['$bytes']: return v['$bytes']
    if isinstance(v, dict): return {k: python(w) for k, w in v.items()}
    if isinstance(v, list): return [python(w) for w in v]
    return v
print(json.dumps([str(python(v)) for v in json.load(sys.stdin)]))
`;

const call = (inside: string): Buffer =>
  Buffer.from(`<methodCall><methodName>m</methodName>${inside}</methodCall>`);
const value = (inside: string): RpcValue | undefined =>
  readCall(call(`<params><param><value>${inside}</value></param></params>`))?.args[0];

// Python comes with Supervisor's package.
describe.skipIf(supervisorVersion === '')('XML-RPC as Python has it', () => {
  it('reads whatever Python sends, and shows it as Python does', async () => {
    const roll = dice(42);
    const samples = Array.from({ length: 600 }, () => sample(roll, 3));
    const [sent, shown] = await Promise.all([
      python(DUMPS, JSON.stringify(samples)),
      python(STRINGS, JSON.stringify(samples)),
    ]);
    const texts: string[] = JSON.parse(sent.stdout);
    const calls = texts.map((t) => readCall(Buffer.from(t)));
    expect(calls.map((c) => plain(c?.args[0] ?? null))).toEqual(samples.map(asRead));
    expect(new Set(calls.map((c) => c?.method))).toEqual(new Set(['m.n']));
    expect(calls.map((c) => asText(c?.args[0] ?? null))).toEqual(JSON.parse(shown.stdout));
  }, 60_000);

  it('writes what Python writes, and Python reads it', async () => {
    const roll = dice(7);
    const samples = Array.from({ length: 600 }, () => answer(roll, 3));
    const ran = await python(BOTH, JSON.stringify(samples.map((v) => ({ value: v, text: writeAnswer(v) }))));
    const both: [string, RpcAnswer][] = JSON.parse(ran.stdout);
    expect(samples.map(writeAnswer)).toEqual(both.map(([written]) => written));
    expect(samples).toEqual(both.map(([, read]) => read));
  }, 60_000);

  it('writes faults, and puts U+FFFD where XML has no way to write a character', async () => {
    const script =
      'import sys,xmlrpc.client as x\ntry: x.loads(sys.stdin.read())\nexcept x.Fault as e: print(e.faultCode, ascii(e.faultString))';
    const ran = await python(script, writeFault(10, 'BAD_NAME: a<b>&\x1b[0m\0ü'));
    expect(ran.stdout).toBe("10 'BAD_NAME: a<b>&\\ufffd[0m\\ufffd\\xfc'\n");
  });
});

describe('a call', () => {
  it('may be written in other ways', () => {
    expect(value('plain')).toBe('plain');
    expect(value('')).toBe('');
    expect(value(' <int>\n 5 </int>')).toBe(5);
    expect(value('<i4>-7</i4>')).toBe(-7);
    expect(value('<nil/>')).toBe(null);
    expect(value('<boolean>true</boolean>')).toBe(false);
    expect(value('<string>a<![CDATA[<&]]>b<!-- no -->c</string>')).toBe('a<&bc');
    expect(value('<string>&#228;&#x1F600;&quot;&apos;\r\n\r</string>')).toBe('ä😀"\'\n\n');
    expect(value('<string a="1" b=\'2\'/>')).toBe('');
    expect(readCall(call(''))).toEqual({ method: 'm', args: [] });
    expect(
      readCall(
        Buffer.from('\ufeff<?xml version="1.0" encoding="x"?><!-- a --><c><methodName>m</methodName></c>\n'),
      ),
    ).toEqual({
      method: 'm',
      args: [],
    });
    expect(
      value(`${'<array><data><value>'.repeat(40)}x${'</value></data></array>'.repeat(40)}`),
    ).toBeInstanceOf(Array);
  });

  const WRONG: readonly string[] = [
    '',
    'text',
    '<a/>',
    '<a>',
    '<a></b>',
    '<methodName>m</methodName><x/>',
    ' <?xml version="1.0"?><methodName>m</methodName>',
    '<methodName></methodName>',
    '<!DOCTYPE x [<!ENTITY a "b">]><methodName>&a;</methodName>',
    '<!DOCTYPE methodName SYSTEM "file:///etc/passwd"><methodName>m</methodName>',
    '<methodName>&nope;</methodName>',
    '<methodName>&hasOwnProperty;</methodName>',
    '<methodName>&</methodName>',
    '<methodName>&#0;</methodName>',
    '<methodName>&#xd800;</methodName>',
    '<methodName>&#x110000;</methodName>',
    '<methodName>a\x01b</methodName>',
    '<methodName>a]]>b</methodName>',
    '<methodName>m</methodName>tail',
    '<x:methodName>m</x:methodName>',
    '<methodName xmlns="y">m</methodName>',
    '<methodName a="1" a="2">m</methodName>',
    '<methodName a=1>m</methodName>',
    '<methodName a="<">m</methodName>',
    '<methodName>m<!-- a -- b --></methodName>',
    '<methodName>m<![CDATA[</methodName>',
    '<methodName>m<?x</methodName>',
    `${'<a>'.repeat(300)}<methodName>m</methodName>${'</a>'.repeat(300)}`,
  ];
  it.each(WRONG)('is refused: %s', (document) => expect(readCall(Buffer.from(document))).toBeUndefined());

  const WRONG_VALUES: readonly string[] = [
    '<int></int>',
    '<int>five</int>',
    '<int>1.5</int>',
    '<double>x</double>',
    '<double>1__0</double>',
    '<dateTime.iso8601>now</dateTime.iso8601>',
    '<dateTime.iso8601>20260230T00:00:00</dateTime.iso8601>',
    '<base64>YQ</base64>',
    '<base64>/w==</base64>',
    '<array></array>',
    '<struct><member><name>a</name></member></struct>',
    '<struct>a<member/></struct>',
  ];
  it.each(WRONG_VALUES)('is refused for its value: %s', (inside) => expect(value(inside)).toBeUndefined());

  it('of bytes that are no UTF-8 is refused', () => {
    expect(readCall(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]))).toBeUndefined();
  });

  it('of a megabyte that is nothing but beginnings is read in time', async () => {
    const readAll = (): void => {
      for (const piece of ['<', '<a', '<a ', '&', '<!--', '<![CDATA[', '<a b="', ' ', 'a="1" '])
        expect(readCall(Buffer.from(`<a>${piece.repeat(1_000_000 / piece.length)}`))).toBeUndefined();
    };
    expect(await leastCpuMs(() => cpuMs(readAll), 5000)).toBeLessThan(5000);
  });
});
