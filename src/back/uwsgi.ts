// What a uwsgi app gets of a request: a packet of variables, whose head has two numbers that say what kind it is; the body follows as it is.
// As ngx_http_uwsgi_create_request writes it; text is latin1: one character, one byte.
import type { Exchange } from '../exchange/exchange.ts';
import { connectSocket } from '../socket/connect-socket.ts';
import type { Transport } from '../upstream/transport.ts';
import type { EncodeRequest } from './app-back.ts';

/** The packet's length is a number of two bytes. */
const MAX_PACKET_BYTES = 65_535;

const byte = (value: number): string => String.fromCharCode(value & 255);

/** The low byte first. */
const length = (value: number): string => byte(value) + byte(value >> 8);

/** One variable. What is longer than its two bytes of length makes the packet too long. */
export function uwsgiVariable(name: string, value: string): string {
  return length(name.length) + name + length(value.length) + value;
}

export interface UwsgiPacket {
  readonly variables: (exchange: Exchange) => string;
  readonly modifier1: number;
  readonly modifier2: number;
  /** Bytes behind the variables. */
  readonly tail: string;
}

export function compileUwsgiRequest({ variables, modifier1, modifier2, tail }: UwsgiPacket): EncodeRequest {
  const [first, last] = [byte(modifier1), byte(modifier2)];
  return (x) => {
    const content = variables(x) + tail;
    if (content.length <= MAX_PACKET_BYTES) return { bytes: first + length(content.length) + last + content };
    const what = `the variables of the request take ${content.length} bytes`;
    return {
      problem: `${what}, more than the ${MAX_PACKET_BYTES} that uwsgi has room for; pass fewer of them (uwsgi_param, uwsgi_pass_request_headers)`,
    };
  };
}

/** Plain sockets, in a pool of their own: the same peer may be spoken to in HTTP elsewhere. */
export const UWSGI_TRANSPORT: Transport = { key: 'uwsgi', connect: connectSocket };
