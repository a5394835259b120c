// A packed Model means the same, and is small where many levels are alike.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileRuntime } from '../../src/compile.ts';
import { packModel } from '../../src/config/model-wire.ts';
import { MemorySessions } from '../../src/listen/tls/sessions.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { cpuWatch } from '../support/cpu-time.ts';
import { readModel } from '../support/proxy.ts';
import { received, whole } from '../support/whole-model.ts';

const CONFIG = new URL('../../config/', import.meta.url);
const files = readdirSync(CONFIG).filter((name) => /\.(conf|json)$/.test(name) && !name.includes('schema'));

const many = (n: number): string =>
  `http { ${Array.from(
    { length: n },
    (_, i) => `server { listen 127.0.0.1:0; server_name s${i}.test; types { a/b c${i % 3}; }
      location / { proxy_pass http://127.0.0.1:${9000 + (i % 50)}; if ($arg_x) { return 204; } }
      location /static/ { root /var/www/${i}; location ~ x { expires max; } } }`,
  ).join('\n')} }`;

function throughWire(text: string) {
  const { model, remove } = readModel(text);
  remove();
  const wire = packModel(model);
  return { model, wire, back: received(wire) };
}

describe('a Model on its way to the acceptors', () => {
  it.each(files)('is the same there: %s', (name) => {
    const { model, back } = throughWire(readFileSync(new URL(name, CONFIG), 'utf8'));
    expect(whole(back)).toEqual(whole(model));
  });

  it('carries what levels differ in', () => {
    const { model, wire, back } = throughWire(many(200));
    expect(whole(back)).toEqual(whole(model));
    expect(wire.join('').length).toBeLessThan(JSON.stringify(whole(model)).length / 10);
    const [server] = back.servers;
    // What a level inherits is one object.
    expect(server.locations[0].settings.mimeTypes).toBe(server.settings.mimeTypes);
    expect(server.settings.proxyNextUpstream).toBe(back.settings.proxyNextUpstream);
  });

  it('is compiled beside traffic: nothing holds the loop for long', async () => {
    const { back } = throughWire(many(8000));
    const gaps: number[] = [];
    const spentMs = cpuWatch();
    let last = 0;
    const watch = setInterval(() => {
      const now = spentMs();
      gaps.push(now - last);
      last = now;
    }, 0);
    const runtime = await compileRuntime(back, {
      previous: null,
      discovery: NOTHING_DISCOVERED,
      tls: {
        selfSigned: null,
        files: {},
        ticketKeys: new TicketKeys([Buffer.alloc(48)]),
        sessions: new MemorySessions(100),
      },
      logFiles: new LogFiles(),
      log: {
        attemptFailed: () => {},
        fileProblem: () => {},
        noRoom: () => {},
        handshake: () => {},
        note: () => {},
        refused: () => {},
      },
    });
    const tookMs = spentMs();
    clearInterval(watch);
    runtime.upstreams.retire(null);
    // One slice is 5 ms; the engine may take its time, but not all of it at once.
    expect(gaps.length).toBeGreaterThan(Math.min(4, tookMs / 20));
    expect(Math.max(...gaps)).toBeLessThan(Math.max(60, tookMs * 0.6));
  });
});
