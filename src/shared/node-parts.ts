// Parts of Node that most configurations have no use for, loaded when they are first asked for. As an import they would cost every process
// their memory and time: node:tls 12 ms and 3 MB, node:http 36 ms and 7 MB, as an import looks up all of its names, WebSocket and
// what stands behind that among them.
type Zlib = typeof import('node:zlib');
type Tls = typeof import('node:tls');
type Http = typeof import('node:http');
type Https = typeof import('node:https');

let loadedZlib: Zlib | null = null;
let loadedTls: Tls | null = null;

export function nodeZlib(): Zlib {
  loadedZlib ??= process.getBuiltinModule('node:zlib');
  return loadedZlib;
}

export function nodeTls(): Tls {
  loadedTls ??= process.getBuiltinModule('node:tls');
  return loadedTls;
}

export function nodeHttp(): Http {
  return process.getBuiltinModule('node:http');
}

export function nodeHttps(): Https {
  return process.getBuiltinModule('node:https');
}
