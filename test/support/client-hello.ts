// The kit's ClientHello: the first bytes of a TLS client, for clients that go no further.
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

/** What Node's client says first with these options. */
export async function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const wire = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
  const client = connect({ socket: wire, rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const [accepted] = await once(server, 'connection');
  const [hello] = await once(accepted, 'data');
  client.destroy();
  accepted.destroy();
  server.close();
  return hello;
}
