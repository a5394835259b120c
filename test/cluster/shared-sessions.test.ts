// The file behind the one session cache: what a process keeps, the others find; what is not whole, or over, nobody does.
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import { SharedSessions } from '../../src/cluster/shared-sessions.ts';

const fds: number[] = [];
afterEach(() => {
  for (const fd of fds.splice(0)) closeSync(fd);
});

function sessionFile(): number {
  const fd = openMemoryFile('wx+');
  if (fd === undefined) throw new Error('no file');
  fds.push(fd);
  return fd;
}

const ZONE = { name: 'S', bytes: 1 << 20 };
const HOUR_MS = 3_600_000;

describe('sessions of all acceptors', () => {
  it.each([1, 40, 300, 2000, 8192])('of %d bytes are found by who did not keep them', (bytes) => {
    const fd = sessionFile();
    const [one, other] = [new SharedSessions(fd), new SharedSessions(fd)];
    const [id, session] = [randomBytes(32), randomBytes(bytes)];
    expect(other.find(ZONE, id)).toBeUndefined();
    one.keep(ZONE, id, session, HOUR_MS);
    expect(other.find(ZONE, id)).toEqual(session);
    expect(other.find({ ...ZONE, name: 'T' }, id)).toBeUndefined();
    expect(other.find(ZONE, randomBytes(32))).toBeUndefined();
    one.keep(ZONE, id, Buffer.from('newer'), HOUR_MS);
    expect(other.find(ZONE, id)?.toString()).toBe('newer');
  });

  it('end with their time', () => {
    const sessions = new SharedSessions(sessionFile());
    const id = randomBytes(32);
    sessions.keep(ZONE, id, Buffer.from('short'), -1);
    expect(sessions.find(ZONE, id)).toBeUndefined();
  });

  it('are as they were kept, or not found: others may have written over them', () => {
    const sessions = new SharedSessions(sessionFile());
    const zone = { name: 'small', bytes: 32_768 };
    const kept = Array.from({ length: 500 }, () => ({ id: randomBytes(32), session: randomBytes(700) }));
    for (const { id, session } of kept) sessions.keep(zone, id, session, HOUR_MS);
    const found = kept.filter(({ id, session }) => {
      const one = sessions.find(zone, id);
      if (one !== undefined) expect(one).toEqual(session);
      return one !== undefined;
    });
    expect(found.length).toBeGreaterThan(5);
    expect(found.length).toBeLessThan(100);
    // The one that was kept last nobody has written over.
    expect(found.at(-1)).toBe(kept.at(-1));
  });

  it('take no more memory than the zone may have', () => {
    const fd = sessionFile();
    const sessions = new SharedSessions(fd);
    const zone = { name: 'small', bytes: 65_536 };
    for (let i = 0; i < 3000; i++) sessions.keep(zone, randomBytes(32), randomBytes(1500), HOUR_MS);
    expect(fstatSync(fd).blocks * 512).toBeLessThanOrEqual(zone.bytes + 4096);
  });

  it('are not found where a byte of them is another', () => {
    const fd = sessionFile();
    const sessions = new SharedSessions(fd);
    const id = randomBytes(32);
    sessions.keep(ZONE, id, Buffer.alloc(100, 1), HOUR_MS);
    const { size } = fstatSync(fd);
    writeSync(fd, Buffer.from([2]), 0, 1, size - 1);
    expect(sessions.find(ZONE, id)).toBeUndefined();
  });

  it('are not kept where there is no file', () => {
    const fd = openSync('/dev/null', 'r+');
    fds.push(fd);
    const sessions = new SharedSessions(fd);
    sessions.keep(ZONE, Buffer.from('id'), Buffer.from('session'), HOUR_MS);
    expect(sessions.find(ZONE, Buffer.from('id'))).toBeUndefined();
  });
});
