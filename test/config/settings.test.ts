// What a level sets itself, what it inherits, and what it does not; the same in the primary and in an acceptor.
import { expect, it } from 'vitest';
import type { Model, ScriptOp } from '../../src/config/model.ts';
import { packModel } from '../../src/config/model-wire.ts';
import { DEFAULTS } from '../../src/config/registry.ts';
import { setsItself, withSettings } from '../../src/config/settings.ts';
import { readModel } from '../support/proxy.ts';
import { received, whole } from '../support/whole-model.ts';

const TEXT = `proxy_read_timeout 7s; http { proxy_send_timeout 8s;
  server { listen 127.0.0.1:1; redirect https port=443; proxy_read_timeout 9s;
    location / { proxy_pass http://127.0.0.1:1; root /a;
      if ($arg_x) { expires 1s; }
      location /inner/ { } } }
  server { listen 127.0.0.1:1; server_name b; }
  types { a/b c; } }`;

function modelOf(text: string): Model {
  const { model, remove } = readModel(text);
  remove();
  return model;
}

const ifOf = (script: readonly ScriptOp[]) => {
  const [op] = script;
  return op.op === 'if' && op.settings !== null ? op.settings : expect.fail('no settings of an if');
};

it.each([
  ['as it was read', modelOf(TEXT)],
  ['as an acceptor has it', received(packModel(modelOf(TEXT)))],
])('a level sets what stands in it and inherits the rest: %s', (_name, model) => {
  const [{ settings, locations }, other] = model.servers;
  const [location] = locations;
  const [inner] = location.locations;
  expect(Object.keys(inner.settings)).toEqual([]);
  expect(inner.settings.proxySendTimeoutMs).toBe(8000);
  expect(inner.settings.proxyReadTimeoutMs).toBe(9000);
  expect(other.settings.proxyReadTimeoutMs).toBe(7000);
  expect(inner.settings.proxyConnectTimeoutMs).toBe(DEFAULTS.proxyConnectTimeoutMs);
  expect(inner.settings.fileRoot).toBe(location.settings.fileRoot);
  expect(setsItself(inner.settings, 'fileRoot')).toBe(false);
  // What is a level's own business: the `if` of a location is a part of it.
  expect([location.settings.proxyPass === null, inner.settings.proxyPass]).toEqual([false, null]);
  expect(ifOf(location.script).proxyPass).toBe(location.settings.proxyPass);
  expect([settings.redirectHttps === null, location.settings.redirectHttps]).toEqual([false, null]);
  expect(location.settings.listens).toEqual([]);
  // Wherever it stands.
  expect(other.settings.mimeTypes).toEqual([['c', 'a/b']]);
});

it('a changed level keeps what it set, and inherits as before', () => {
  const { settings } = modelOf(TEXT).servers[0];
  const changed = withSettings(settings, { etag: false });
  expect(changed.proxyReadTimeoutMs).toBe(9000);
  expect(whole(changed)).toEqual({ ...(whole(settings) as object), etag: false });
  expect(settings.etag).toBe(true);
});

it('a Model travels in pieces that are read in a moment', () => {
  const servers = Array.from({ length: 3000 }, (_, i) => `server { listen 127.0.0.1:1; server_name s${i}; }`);
  const pieces = packModel(modelOf(`http { ${servers.join('\n')} }`));
  expect(pieces.length).toBeGreaterThan(2);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(80_000);
});
