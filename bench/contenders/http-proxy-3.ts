// http-proxy-3 on node:http with a keep-alive agent: the library that Node programs proxy with.
import { readFileSync } from 'node:fs';
import type { Contender } from './contender.ts';

export const httpProxy3: Contender = {
  name: 'http-proxy-3',
  install: 'npm ci',
  version: () => {
    const file = new URL('../../node_modules/http-proxy-3/package.json', import.meta.url);
    try {
      return `http-proxy-3 ${JSON.parse(readFileSync(file, 'utf8')).version}`;
    } catch {
      return undefined;
    }
  },
  command: ({ port, upstreams }) => [
    process.execPath,
    new URL('./http-proxy-3-server.ts', import.meta.url).pathname,
    String(port),
    upstreams.join(','),
  ],
};
