// For loads that start instances of their own: a place beside the running one, and one request over a new connection.
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, type Place } from '../contenders/contender.ts';

/** The same upstreams and files, with another port and directory; the directory goes with the one around it. */
export async function ownPlace(place: Place): Promise<Place> {
  return { ...place, port: await freePort(), dir: mkdtempSync(join(place.dir, 'own-')) };
}

/** The whole answer to one GET over plain HTTP, head and body; empty when there is none. */
export function answerOnce(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(answer));
  });
}
