// What a proxy_pass names: groups know no case, a name that nearly is a group is a slip of the pen, a program is a group by itself.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { warnOfStrangers } from '../../src/cli/check-surroundings.ts';
import { followedHosts } from '../../src/cluster/needs.ts';
import type { Model } from '../../src/config/model.ts';
import { Problems } from '../../src/config/problem.ts';
import { readModel } from '../support/proxy.ts';

const configured = (location: string, more = ''): string =>
  `${more} http { upstream Backend { server 127.0.0.1:1; } server { listen 127.0.0.1:0; location ${location} } }`;

function read(text: string): { model: Model; warnings: string } {
  const { model, warnings, remove } = readModel(text);
  remove();
  return { model, warnings };
}

function errorsOf(text: string): string {
  try {
    read(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a start says of names that are nothing of the file. */
function strangersOf(model: Model): string[] {
  const problems = new Problems();
  warnOfStrangers(model, problems);
  return problems.list.map(({ message }) => message);
}

describe('names of groups know no case', () => {
  it.each(['/ { proxy_pass http://BACKEND; }', '/ { if ($arg_x) { proxy_pass http://backend/x; } }'])(
    '%s',
    (location) => {
      const { model, warnings } = read(configured(location));
      expect(warnings).toBe('');
      expect(strangersOf(model)).toEqual([]);
      expect(followedHosts(model)).toEqual([]);
    },
  );

  it('with a port neither', () => {
    expect(errorsOf(configured('/ { proxy_pass http://backend:8001; }'))).toContain(
      '"backend" is an upstream, whose servers have ports of their own; write http://backend',
    );
  });

  it('beyond ASCII they do, as in nginx', () => {
    const läden = 'program Läden { command node; first_port 1; }';
    const { model } = read(configured('/ { proxy_pass http://lÄden; }', läden));
    expect(model.upstreams.map(({ name }) => name)).toEqual(['Backend']);
    const same = read(configured('/ { proxy_pass http://läDEN; }', läden)).model;
    expect(same.upstreams.map(({ name }) => name)).toEqual(['Backend', 'Läden']);
    expect(followedHosts(same)).toEqual([]);
    expect(strangersOf(same)).toEqual([]);
    expect(errorsOf(configured('/ { fastcgi_pass läden:9000; }', läden))).toContain(
      '"läden" is a program, whose processes have ports of their own; write läden',
    );
  });

  it('those of programs in a proxy_pass neither', () => {
    const web = 'program Web { command node; first_port 1; }';
    const { model } = read(configured('/ { proxy_pass http://web; }', web));
    expect(model.upstreams.map(({ name }) => name)).toEqual(['Backend', 'Web']);
    expect(strangersOf(model)).toEqual([]);
    const two = `${web} program web { command node; first_port 2; }`;
    expect(errorsOf(configured('/ { proxy_pass http://web; }', two))).toContain(
      'proxy_pass knows no case: it cannot tell program "web" from "Web"; rename one, or give each an upstream',
    );
    expect(errorsOf(configured('/ { proxy_pass http://backend; }', two))).toBe('');
  });
});

describe('a bare name that nearly is a group', () => {
  const slip =
    'there is no upstream or program "backnd": it is taken for a host name; did you mean "Backend"?';

  it('is a slip of the pen in an if too, said once, at a start', () => {
    const { model, warnings } = read(configured('/ { if ($arg_x) { proxy_pass http://backnd; } }'));
    expect(warnings).toBe('');
    expect(strangersOf(model)).toEqual([slip]);
  });

  it('with variables behind it is looked up by a request only: said when the file is read', () => {
    const { model, warnings } = read(configured('~ /(a) { proxy_pass http://backnd/$1; }'));
    expect(warnings).toContain(`warning: ${slip}`);
    expect(strangersOf(model)).toEqual([]);
    for (const url of [
      'http://backend/$1',
      'http://other.test/$1',
      'http://backnd$1',
      'http://$1',
      'http://backnd:1/$1',
    ])
      expect(read(configured(`~ /(a) { proxy_pass ${url}; }`)).warnings).toBe('');
  });
});

it('a line of an included file is looked at in each kind of location that it stands in', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-passes-'));
  const file = join(dir, 'pass.conf');
  writeFileSync(file, 'proxy_pass http://backend/x;');
  const include = `{ include ${file}; }`;
  try {
    expect(errorsOf(configured(`/ ${include} location /b ${include}`))).toBe('');
    const both = errorsOf(configured(`/ ${include} location ~ /b ${include}`));
    expect(
      both.match(/pass\.conf:1:\d+: proxy_pass cannot have the URI part "\/x" in a location with/g),
    ).toHaveLength(1);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
