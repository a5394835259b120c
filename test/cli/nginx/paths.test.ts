// Where relative names start: the prefix, and for what belongs to the configuration the directory that it lies in.
import { describe, expect, it } from 'vitest';
import { readArgs } from '../../../src/cli/nginx/argv.ts';
import { optionsOf } from '../../../src/cli/nginx/nginx-face.ts';
import { buildModel } from '../../../src/config/build.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Model } from '../../../src/config/model.ts';
import { shapeOf } from '../../../src/config/registry.ts';

function modelOf(words: readonly string[], text: string): Model {
  const args = readArgs(words);
  if (typeof args === 'string') throw new Error(args);
  const { config, prefix, defaults } = optionsOf(args);
  const loaded = loadConfig(config, { shapeOf, prefix, readFile: () => text });
  if (loaded.tree === undefined) throw new Error('not read');
  return buildModel(loaded.tree, loaded.prefix, loaded.problems, defaults);
}

const TEXT = `events { } http { server { listen 127.0.0.1:1 ssl; ssl_certificate a.crt; ssl_certificate_key keys/a.key;
  location /a { auth_basic x; auth_basic_user_file users; root files; access_log a.log; } } }`;

describe('called as nginx', () => {
  it('what nothing is said of is below the prefix', () => {
    const { settings } = modelOf(['-p', '/p'], 'events { }');
    expect(settings.pidFile).toBe('/p/logs/nginx.pid');
    expect(settings.errorLog).toEqual([{ path: '/p/logs/error.log', level: 'error' }]);
    expect(settings.accessLog.map(({ path }) => path)).toEqual(['/p/logs/access.log']);
    expect(settings.fileRoot).toEqual({ path: '/p/html', alias: false });
    expect(settings.acceptors).toBe(1);
    expect(settings.daemon).toBe(true);
  });

  it('the configuration is below the prefix, or where it is said to be', () => {
    const read = (...words: string[]): string => {
      const args = readArgs(words);
      return typeof args === 'string' ? args : optionsOf(args).config;
    };
    expect(read()).toBe('/usr/local/nginx/conf/nginx.conf');
    expect(read('-p', '/p')).toBe('/p/conf/nginx.conf');
    expect(read('-p', '/p', '-c', 'x.conf')).toBe('/p/x.conf');
    expect(read('-p', '/p', '-c', '/etc/x.conf')).toBe('/etc/x.conf');
  });

  it('certificates, keys and passwords lie beside it, files and logs below the prefix', () => {
    const { servers } = modelOf(['-p', '/p', '-c', '/etc/nginx/nginx.conf'], TEXT);
    const [{ settings, locations }] = servers;
    const pairs = JSON.stringify(settings);
    expect(pairs).toContain('/etc/nginx/a.crt');
    expect(pairs).toContain('/etc/nginx/keys/a.key');
    const inner = locations[0].settings;
    expect(inner.authBasicUserFile).toBe('/etc/nginx/users');
    expect(inner.fileRoot?.path).toBe('/p/files');
    expect(inner.accessLog.map(({ path }) => path)).toEqual(['/p/a.log']);
  });
});
