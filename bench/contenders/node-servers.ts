// The ways that Node programs proxy with today, each a small server of its own in this folder.
import { type Contender, packageVersion, type Setup } from './contender.ts';

/** They take turns among their upstreams and do plain HTTP in one process. */
const plainOnly = (setup: Setup): boolean =>
  !setup.tls &&
  setup.log === 'off' &&
  !setup.staticRoot &&
  !setup.upgrade &&
  setup.acceptors === 1 &&
  setup.method === 'round_robin' &&
  setup.peers + setup.serverNames + setup.prefixes + setup.regexes + setup.generation === 0;

function nodeServer(name: string, npmPackage: string, program: string): Contender {
  return {
    name,
    install: 'npm ci',
    version: () => {
      const version = packageVersion(npmPackage);
      return version === undefined ? undefined : `${version} on Node ${process.versions.node}`;
    },
    supports: plainOnly,
    command: ({ keepalive }, { port, upstreams }) => [
      process.execPath,
      new URL(program, import.meta.url).pathname,
      String(port),
      upstreams.join(','),
      String(keepalive),
    ],
  };
}

export const httpProxy3 = nodeServer('http-proxy-3', 'http-proxy-3', './http-proxy-3-server.ts');
export const fastifyProxy = nodeServer('@fastify/http-proxy', '@fastify/http-proxy', './fastify-server.ts');
export const nodeUndici = nodeServer('node:http + undici', 'undici', './undici-server.ts');
