// Which part of the work a piece of code is: rooms of src/ by the file, Node, V8 and OpenSSL by the symbol.

/** In the order of the table. */
export const PARTS = [
  'parse: http/',
  'route: route/, compile/, features/',
  'balance: balance/, upstream/',
  'forward: forward/, back/, body/, exchange/',
  'answer out: listen/, answer/',
  'files: serve/',
  'sockets: socket/',
  'logs and figures: observe/',
  'the rest of src/',
  'packages',
  'Node, JavaScript',
  'Node, C++ and libuv',
  'OpenSSL',
  'V8, builtins',
  'V8, C++',
  'V8, compilers',
  'V8, garbage',
  'libc',
  'elsewhere',
] as const;

export type Part = (typeof PARTS)[number];

const [PARSE, ROUTE, BALANCE, FORWARD, ANSWER, FILES, SOCKETS, OBSERVE, REST, PACKAGES, NODE_JS] = PARTS;

const OF_ROOM: Readonly<Record<string, Part>> = {
  ...{ http: PARSE, route: ROUTE, compile: ROUTE, features: ROUTE, balance: BALANCE, upstream: BALANCE },
  ...{ forward: FORWARD, back: FORWARD, body: FORWARD, exchange: FORWARD, cache: FORWARD },
  ...{ listen: ANSWER, answer: ANSWER, serve: FILES, socket: SOCKETS, observe: OBSERVE, inspect: OBSERVE },
};

/** Of JavaScript, by its file: a path with `src/` in it, one of node_modules, or `node:…`. */
export function partOfFile(file: string): Part {
  if (file.startsWith('node:')) return NODE_JS;
  const room = /(?:^|\/)src\/([a-z0-9-]+)/.exec(file)?.[1];
  if (room !== undefined) return OF_ROOM[room] ?? REST;
  return file.includes('node_modules/') ? PACKAGES : 'elsewhere';
}

const OPENSSL =
  /^_?(?:(?:ssl|tls|dtls|evp|crypto|ossl|openssl|bio|gcm|ghash|err|asn1|bn|ec|packet|wpacket|statem|rec|cipher|rand|x509|hmac|kdf|rsa|provider)[_\d]|v?aes|poly1305|chacha|sha\d|gcm)/i;
const GARBAGE =
  /v8::internal::(?:\(anonymous namespace\)::)?(?:\w*Scaveng|\w*Mark|Heap\b|Heap::|\w*Sweep|\w*Evacuat|GC|\w*NewSpace|PagedSpace|MemoryAllocator|\w*GlobalHandles|\w*Visitor|YoungGeneration|WriteBarrier)|cppgc/;
const COMPILERS =
  /v8::internal::(?:compiler|maglev|turboshaft|baseline|interpreter|\w*Compil|\w*Pars|Script::|Optimiz|Tiering|PerfJit|Code\w*Logger|JitLogger)/;

/** Of machine code, by its symbol and the file that it is in. */
export function partOfSymbol(symbol: string, object: string): Part {
  if (/\/lib(?:c|m|pthread)[.-]|\bvdso\b/.test(object)) return 'libc';
  if (/^Builtins_|^Builtin:|^BytecodeHandler:/.test(symbol)) return 'V8, builtins';
  if (!object.endsWith('/node')) return 'elsewhere';
  if (COMPILERS.test(symbol)) return 'V8, compilers';
  if (GARBAGE.test(symbol)) return 'V8, garbage';
  const [node, v8] = [symbol.search(/\bnode::/), symbol.search(/\bv8::/)];
  if (v8 >= 0 && (node < 0 || v8 < node)) return 'V8, C++';
  return node < 0 && OPENSSL.test(symbol) ? 'OpenSSL' : 'Node, C++ and libuv';
}
