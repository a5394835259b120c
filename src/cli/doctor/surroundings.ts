// The machine that lbproxy doctor is run on.

import { lookup } from 'node:dns/promises';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { authorityPlaces } from '../../cluster/local-certificates.ts';
import { findAuthority } from '../../local-ca/authority.ts';
import { storesFor, trustedOne } from '../../local-ca/trust/apply.ts';
import { thisMachine } from '../../local-ca/trust/places.ts';
import { descriptorLimit } from '../../shared/descriptor-limit.ts';
import { whyPortUnusable } from '../start/free-port.ts';
import type { Surroundings } from './check.ts';

const CONNECT_MS = 1000;

export function surroundings(): Surroundings {
  return {
    env: process.env,
    platform: process.platform,
    nodeVersion: process.versions.node,
    nowMs: Date.now(),
    descriptors: descriptorLimit(),
    readFile: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    changedAtMs: (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs,
    addressesOf: async (name) => {
      try {
        return (await lookup(name, { all: true })).map(({ address }) => address);
      } catch {
        return [];
      }
    },
    whyPortUnusable,
    accepts,
    distrustedBy,
  };
}

function distrustedBy(stateDir: string): readonly string[] | null {
  const { authority } = findAuthority(authorityPlaces(stateDir));
  if (authority === null) return null;
  const stores = storesFor(trustedOne(authority), thisMachine());
  return stores
    .filter((store) => store.problem === null && store.isTrusted() === false)
    .map(({ name }) => name);
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    // A port of the ephemeral range can be given to this very connection, which then meets itself.
    socket.once('connect', () => finish(socket.localPort !== port));
    socket.once('timeout', () => finish(false));
    socket.once('error', () => finish(false));
  });
}
