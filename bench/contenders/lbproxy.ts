// lbproxy, built, from this checkout or another one.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { EVENTS, httpBlock, keptConnections } from './nginx-text.ts';

export const CHECKOUT = new URL('../..', import.meta.url).pathname;

/** The build of the checkout in `root`. */
export function lbproxyOf(root: string, name: string): Contender {
  const main = join(root, 'dist/main.js');
  return {
    name,
    install: 'not built: npm run build',
    version: () => {
      if (!existsSync(main)) return undefined;
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      const stale = changedAfter(root, main) ? ' (src changed after the build: npm run build)' : '';
      return `lbproxy ${version}${stale} on Node ${process.versions.node}`;
    },
    supports: () => true,
    command: (setup, place) => {
      const file = join(place.dir, 'lbproxy.conf');
      const kept = keptConnections(setup);
      const upstream = `keepalive ${kept}; keepalive_timeout 60s; keepalive_requests 1000000000;`;
      writeFileSync(
        file,
        `worker_processes ${setup.acceptors}; state_path ${place.dir}; error_log ${place.dir}/error.log;
${EVENTS}
${httpBlock(setup, place, { upstream, location: 'proxy_request_buffering off;' })}`,
      );
      return [process.execPath, main, '--config', file];
    },
  };
}

/** Whether a source is newer than the build, which then is not what the sources say. */
function changedAfter(root: string, build: string): boolean {
  const builtAt = statSync(build).mtimeMs;
  const src = join(root, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' }).some(
    (name) => name.endsWith('.ts') && statSync(join(src, name)).mtimeMs > builtAt,
  );
}

export const lbproxy = lbproxyOf(CHECKOUT, 'lbproxy');
