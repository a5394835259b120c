// Where a request's time goes: files and symbols to parts, samples of perf and of V8 to a table.
import { describe, expect, it } from 'vitest';
import { JitDump } from '../../bench/user/jit-dump.ts';
import { partOfFile, partOfSymbol } from '../../bench/user/parts.ts';
import { perfSamples, profileSamples } from '../../bench/user/samples.ts';
import { tableText } from '../../bench/user/table.ts';

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
};
const u64 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1');

function record(id: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(id, 16 + body.length), u64(1000), body]);
}
/** As V8 writes them: the name of a file an entry late, the size as if it were not. */
function lines(start: number, ...entries: [number, number, string][]): Buffer {
  const size = (named: (i: number) => string): Buffer =>
    Buffer.concat(
      entries.map(([at, line], i) => Buffer.concat([u64(at + 0x40), u32(line, 7), text(named(i))])),
    );
  const meant = record(
    2,
    u64(start, entries.length),
    size((i) => entries[i][2]),
  );
  const filling = Buffer.alloc((8 - (meant.length % 8)) % 8);
  const written = Buffer.concat([
    record(
      2,
      u64(start, entries.length),
      size((i) => entries[Math.max(0, i - 1)][2]),
    ),
    filling,
  ]);
  written.writeUInt32LE(meant.length + filling.length, 4);
  return written;
}
const load = (start: number, size: number, name: string): Buffer =>
  record(0, u32(1, 1), u64(start, start, size, 0), text(name), Buffer.alloc(size));

const HEAD = Buffer.concat([u32(0x4a695444, 1, 40, 62, 0, 1), u64(0, 0)]);
const DUMP = new JitDump(
  Buffer.concat([
    HEAD,
    load(0x1000, 64, 'Builtin:RecordWrite'),
    lines(
      0x2000,
      [0x2000, 5, '/x/src/http/fields.ts'],
      [0x2010, 9, '/x/src/route/u.ts'],
      [0x2020, 6, '/x/src/route/u.ts'],
      [0x2030, 7, '/x/src/http/fields.ts'],
      [0x2038, 7, '/x/src/http/fields.ts'],
    ),
    load(0x2000, 64, "JS:*'scan"),
    // Code that took the place of the first.
    lines(0x1000, [0x1000, 1, 'node:net']),
    load(0x1000, 32, "JS:*'write"),
    // A process that was ended in the middle of a record.
    load(0x3000, 64, 'half').subarray(0, 30),
  ]),
);

describe('the dump of compiled code', () => {
  it('knows of each address the newest code, its file and line, inlined functions by their own', () => {
    expect(DUMP.placeOf(0x2008)).toEqual({
      name: "JS:*'scan",
      file: '/x/src/http/fields.ts',
      line: 5,
      column: 7,
    });
    expect(DUMP.placeOf(0x2014)).toMatchObject({ file: '/x/src/route/u.ts', line: 9 });
    expect(DUMP.placeOf(0x202f)).toMatchObject({ file: '/x/src/route/u.ts', line: 6 });
    expect(DUMP.placeOf(0x2030)).toMatchObject({ file: '/x/src/http/fields.ts', line: 7 });
    expect(DUMP.placeOf(0x1004)).toMatchObject({ file: 'node:net' });
    expect(DUMP.placeOf(0x1030)).toMatchObject({ name: 'Builtin:RecordWrite', file: '' });
    expect(DUMP.placeOf(0x2040)).toBeUndefined();
  });
});

describe('parts', () => {
  it.each([
    ['../../../../src/http/request-head.ts', 'parse: http/'],
    ['src/listen/front.ts', 'answer out: listen/, answer/'],
    ['file:///x/src/cluster/acceptor.ts', 'the rest of src/'],
    ['node:internal/stream_base_commons', 'Node, JavaScript'],
    ['file:///x/node_modules/pino/lib/proto.js', 'packages'],
    ['evalmachine.<anonymous>', 'elsewhere'],
  ])('of the file %s', (file, part) => expect(partOfFile(file)).toBe(part));

  it.each([
    ['Builtins_StringPrototypeCharCodeAt', '/x/bin/node', 'V8, builtins'],
    [
      'node::StreamBase::JSMethod<&(node::X(v8::FunctionCallbackInfo<v8::Value> const&))>',
      '/x/bin/node',
      'Node, C++ and libuv',
    ],
    ['uv__io_poll', '/x/bin/node', 'Node, C++ and libuv'],
    ['v8::internal::String::WriteToFlat2<unsigned char>', '/x/bin/node', 'V8, C++'],
    ['v8::internal::Scavenger::Process', '/x/bin/node', 'V8, garbage'],
    ['void v8::internal::MarkCompactCollector::Evacuate', '/x/bin/node', 'V8, garbage'],
    ['v8::internal::compiler::GraphReducer::Reduce', '/x/bin/node', 'V8, compilers'],
    ['ossl_gcm_stream_update', '/x/bin/node', 'OpenSSL'],
    ['aesni_ctr32_encrypt_blocks', '/x/bin/node', 'OpenSSL'],
    ['SSL_read', '/x/bin/node', 'OpenSSL'],
    ['_int_malloc', '/usr/lib/x86_64-linux-gnu/libc.so.6', 'libc'],
    ['[unknown]', '[unknown]', 'elsewhere'],
  ])('of the symbol %s', (symbol, object, part) => expect(partOfSymbol(symbol, object)).toBe(part));
});

const PERF = `    2008 [unknown] (//anon)
    1004 [unknown] (//anon)
    9000 _int_malloc (/usr/lib/x86_64-linux-gnu/libc.so.6)
    ffffffff81589d39 tcp_sendmsg ([kernel.kallsyms])
    1030 [unknown] (//anon)
`;

describe('samples', () => {
  it('of perf: the kernel apart, compiled code by its source', () => {
    const { user, kernel } = perfSamples(PERF, DUMP);
    expect(kernel).toBe(1);
    expect(Object.fromEntries(user)).toEqual({
      'parse: http/': 1,
      'Node, JavaScript': 1,
      libc: 1,
      'V8, builtins': 1,
    });
  });

  it("of V8's profiler: idle ones left out", () => {
    const node = (id: number, functionName: string, url = '') => ({
      id,
      callFrame: { functionName, url, lineNumber: 0, columnNumber: 0 },
    });
    const nodes = [
      ...[node(1, '(idle)'), node(2, '(garbage collector)'), node(3, '(program)')],
      node(4, 'scan', 'file:///x/src/http/fields.ts'),
    ];
    const { user, kernel } = profileSamples({ nodes, samples: [1, 1, 2, 3, 4, 4] });
    expect(kernel).toBe(0);
    expect(Object.fromEntries(user)).toEqual({
      'V8, garbage': 1,
      'Node, C++ and libuv': 1,
      'parse: http/': 2,
    });
  });

  it('make a table whose parts add up to what was measured', () => {
    const samples = perfSamples(PERF, DUMP);
    const table = tableText([{ name: 'plain', figures: { cpuUs: 20 }, samples }], 'on a day');
    expect(table).toContain('| **all** | **20.0** |\n| kernel | 4.0 |\n| **user** | **16.0** |\n');
    expect(table).toContain('| parse: http/ | 4.00 (25) |\n');
    expect(table).not.toContain('OpenSSL');
  });
});
