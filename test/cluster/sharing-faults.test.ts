// Acceptors that share groups when something is missing: memory, company, the last record of a segment.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Group } from '../../src/balance/group.ts';
import { applyStates, GroupHub } from '../../src/cluster/group-hub.ts';
import { AcceptorSharing } from '../../src/cluster/group-sharing.ts';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import { SharedLog } from '../../src/cluster/shared-log.ts';
import { SharedRotation } from '../../src/cluster/shared-rotation.ts';
import type { Model } from '../../src/config/model.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { pause } from '../support/http-client.ts';
import { readModel } from '../support/proxy.ts';

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

function open(path: string | null, flags: 'ax+' | 'wx+' | 'r' | 'r+'): number {
  const fd = path === null ? openMemoryFile(flags as 'ax+') : openSync(path, flags);
  if (fd === undefined) throw new Error('no file');
  opened.push(fd);
  return fd;
}

function modelOf(upstream: string): Model {
  const { model, remove } = readModel(
    `http { upstream u { ${upstream} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; } } }`,
  );
  remove();
  return model;
}

const CLIENT = { remoteAddress: '' };
const pick = (group: Group) => group.pick(CLIENT, [], performance.now());
const counts = (group: Group): number[] => group.peers.map((peer) => peer.active);

class Company {
  readonly model: Model;
  readonly logFds: [number, number] = [open(null, 'ax+'), open(null, 'ax+')];
  readonly rotationFd: number;
  readonly hub: GroupHub;
  constructor(upstream: string, rotationFd = open(null, 'wx+')) {
    this.model = modelOf(upstream);
    this.rotationFd = rotationFd;
    this.hub = new GroupHub(this.logFds, { joined: () => [], onSealed: () => {} });
    this.hub.use(this.model, NOTHING_DISCOVERED, true);
  }

  join(id: number, shared = true, fds: [number, number] = this.logFds) {
    const sharing = new AcceptorSharing(id, new SharedRotation(this.rotationFd), fds, {
      onFull: () => {},
      onSwitched: () => {},
    });
    const set = new UpstreamSet(this.model, NOTHING_DISCOVERED, null);
    const groups = [...set.all].map(({ group }) => group);
    if (shared) sharing.prepare(groups);
    const state = this.hub.state();
    applyStates(set, state.groups);
    sharing.join(groups, shared, state.log);
    return { sharing, group: groups[0] };
  }
}

describe('without memory', () => {
  it('for the rotation each acceptor turns by itself, and counts right', () => {
    const company = new Company(
      'least_conn; server 127.0.0.1:1; server 127.0.0.1:2;',
      open('/dev/full', 'r+'),
    );
    const { group } = company.join(1);
    const peers = [pick(group), pick(group)];
    expect(counts(group)).toEqual([1, 1]);
    for (const peer of peers) if (peer !== undefined) group.release(peer, 'failed', performance.now());
    expect(counts(group)).toEqual([0, 0]);
  });

  it('for a record, the others hear of it as soon as there is some again', async () => {
    const company = new Company('least_conn; server 127.0.0.1:1; server 127.0.0.1:2;');
    const fds: [number, number] = [...company.logFds];
    const a = company.join(1, true, fds);
    const b = company.join(2);
    const first = pick(a.group);
    if (first === undefined) throw new Error('no peer');
    // Nothing can be written to a descriptor for reading.
    fds[0] = open(`/proc/self/fd/${company.logFds[0]}`, 'r');
    a.group.release(first, 'ok', performance.now());
    expect(pick(a.group)?.name).toBe('127.0.0.1:2');
    b.sharing.catchUp();
    fds[0] = company.logFds[0];
    // The next batch tells all anew.
    await pause(50);
    b.sharing.catchUp();
    expect([counts(a.group), counts(b.group)]).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('for the last record of a segment, it is written later', () => {
    const fds: [number, number] = [open(null, 'ax+'), open(null, 'ax+')];
    const mine: [number, number] = [open(`/proc/self/fd/${fds[0]}`, 'r'), fds[1]];
    const reader = { apply: () => 1, onFull: () => {}, onSwitched: () => {} };
    const log = new SharedLog(mine, 1, reader);
    expect(log.seal()).toBe(false);
    expect(fstatSync(fds[0]).size).toBe(0);
    mine[0] = fds[0];
    expect(log.seal()).toBe(true);
    expect(log.segment).toBe(1);
  });
});

describe('an acceptor that is alone again', () => {
  it('is followed by one that owes nothing to those that went', () => {
    const company = new Company('server 127.0.0.1:1 max_conns=1; server 127.0.0.1:2 max_conns=1;');
    const a = company.join(1);
    const b = company.join(2);
    const lasting = [pick(b.group), pick(b.group)];
    expect(pick(a.group)).toBeUndefined();
    company.hub.use({ ...company.model }, NOTHING_DISCOVERED, false);
    a.sharing.use([a.group], false);
    b.sharing.use([b.group], false);
    company.hub.forget(1);
    const c = company.join(3, false);
    for (const peer of lasting) if (peer !== undefined) b.group.release(peer, 'ok', performance.now());
    company.hub.forget(2);
    expect([pick(c.group)?.name, pick(c.group)?.name]).toEqual(['127.0.0.1:1', '127.0.0.1:2']);
  });
});

describe('exchanges that began before there was company', () => {
  it('do not hide a crowd', async () => {
    const company = new Company('server 127.0.0.1:1; server 127.0.0.1:2;');
    let loads = 0;
    const rotation = new (class extends SharedRotation {
      override load(group: Group): void {
        loads++;
        super.load(group);
      }
    })(company.rotationFd);
    const sharing = new AcceptorSharing(1, rotation, company.logFds, {
      onFull: () => {},
      onSwitched: () => {},
    });
    const groups = [...new UpstreamSet(company.model, NOTHING_DISCOVERED, null).all].map(
      ({ group }) => group,
    );
    const [group] = groups;
    sharing.join(groups, false, { segment: 0, offset: 0 });
    const alone = Array.from({ length: 200 }, () => pick(group));
    sharing.prepare(groups);
    sharing.use(groups, true);
    for (const peer of alone) if (peer !== undefined) group.release(peer, 'ok', performance.now());
    const open = Array.from({ length: 20 }, () => pick(group));
    expect(loads).toBeLessThan(8);
    for (const peer of open) if (peer !== undefined) group.release(peer, 'ok', performance.now());
    await pause(20);
    expect(counts(group)).toEqual([0, 0]);
  });
});
