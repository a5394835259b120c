// A peer `localhost`: to lbproxy one peer, whose addresses are tried in turn; called as nginx, one for each address.
import { expect, it } from 'vitest';
import { buildModel } from '../../src/config/build.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { UpstreamModel } from '../../src/config/model.ts';
import { shapeOf } from '../../src/config/registry.ts';
import type { FaceName } from '../../src/face/face.ts';
import { hostNamesOf, peersOf } from '../../src/upstream/discovery.ts';

function groupOf(face: FaceName): { group: UpstreamModel; asked: readonly string[] } {
  const text = 'http { upstream u { server localhost:8001 weight=2; } server { listen 127.0.0.1:0; } }';
  const { tree, prefix, problems } = loadConfig('/x/nginx.conf', { shapeOf, readFile: () => text });
  if (tree === undefined) throw new Error('not read');
  const model = buildModel(tree, prefix, problems, { face });
  return { group: model.upstreams[0], asked: hostNamesOf(model, []).map(({ name }) => name) };
}

const found = { hosts: { localhost: ['127.0.0.1', '::1'] }, programs: {} };
const nothing = { hosts: {}, programs: {} };

it('is one of that name', () => {
  const { group, asked } = groupOf('lbproxy');
  expect(asked).toEqual([]);
  expect(peersOf(group, nothing).map(({ name }) => name)).toEqual(['localhost:8001']);
});

it('is one for each address, called as nginx', () => {
  const { group, asked } = groupOf('nginx');
  expect(asked).toEqual(['localhost']);
  const peers = peersOf(group, found);
  expect(peers.map(({ name, weight }) => [name, weight])).toEqual([
    ['127.0.0.1:8001', 2],
    ['[::1]:8001', 2],
  ]);
  // A system that does not know the name: it is left to whoever connects.
  expect(peersOf(group, nothing).map(({ name }) => name)).toEqual(['localhost:8001']);
});

it('follows the process behind its port all the same', () => {
  const process = { port: 8001, name: 'a', up: false, coming: false } as never;
  const peers = peersOf(groupOf('nginx').group, { ...found, programs: { app: [process] } });
  expect(peers.map(({ down }) => down)).toEqual([true, true]);
});
