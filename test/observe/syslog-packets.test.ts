// Lines for a syslog server over UDP: what waits for its name is bounded, and none of it is waited for in vain.
import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SyslogSender } from '../../src/observe/syslog-sender.ts';
import { until } from '../support/http-client.ts';

let server: Socket;
const lines: string[] = [];
beforeEach(async () => {
  lines.length = 0;
  server = createSocket('udp4').on('message', (packet) => lines.push(packet.toString('latin1')));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => void server.close());

it('loses what is too much at once, and takes what comes then', async () => {
  const sender = new SyslogSender(`syslog:server=127.0.0.1:${server.address().port}`);
  const handed = vi.spyOn(Socket.prototype, 'send');
  for (let i = 0; i < 4000; i++) sender.send('x'.repeat(1000));
  const sent = handed.mock.calls.length;
  handed.mockRestore();
  await sender.flush();
  await until(
    () => {
      sender.send('last');
      return lines.some((line) => line.endsWith(': last'));
    },
    5000,
    'the last line',
  );
  expect(sent).toBeGreaterThan(500);
  expect(sent).toBeLessThan(1100);
  sender.close();
});

it('finds a server by its name', async () => {
  const sender = new SyslogSender(`syslog:server=localhost:${server.address().port},nohostname`);
  for (const line of ['a', 'b']) {
    sender.send(line);
    await sender.flush();
  }
  await until(() => lines.length === 2, 5000, 'the lines');
  expect(lines.map((line) => line.replace(/^<190>\w+ [ \d]\d [\d:]+ /, ''))).toEqual([
    'nginx: a',
    'nginx: b',
  ]);
  sender.close();
});

it.each(['no-such-host.invalid', '127.0.0.1'])(
  'ends a flush where nobody takes anything at %s',
  async (host) => {
    const sender = new SyslogSender(`syslog:server=${host}:${host === '127.0.0.1' ? 1 : 514}`);
    sender.send('a');
    await sender.flush();
    sender.close();
    sender.send('b');
    await sender.flush();
    sender.close();
  },
);
