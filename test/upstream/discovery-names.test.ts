// Hosts and programs may be called as what every object of JavaScript has.
import { describe, expect, it } from 'vitest';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { readModel } from '../support/proxy.ts';

const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];

function peersIn(text: string): number {
  const { model, remove } = readModel(text);
  remove();
  const set = new UpstreamSet(model, NOTHING_DISCOVERED, null);
  const peers = [...set.all].flatMap(({ group }) => group.peers);
  set.retire(null);
  return peers.length;
}

describe.each(NAMES)('%s', (name) => {
  it('as a host that nobody has looked up yet has no peers', () => {
    expect(peersIn(`http { server { listen 127.0.0.1:0; location / { proxy_pass http://${name}; } } }`)).toBe(
      0,
    );
    expect(
      peersIn(`http { upstream u { server ${name}:1; }
        server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`),
    ).toBe(0);
  });

  it('as a program that has not started yet has no peers', () => {
    expect(
      peersIn(`program ${name} { command "sleep 9"; first_port 9001; } http { upstream u { program ${name}; }
        server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`),
    ).toBe(0);
  });
});
