// Looks on at a connection that became bytes, and tells of the WebSocket frames in it (RFC 6455 §5.2). Other protocols are told as pieces.
import type { ClientTunnel, TunnelEnd } from '../exchange/exchange.ts';
import { FrameReader, type SeenFrame } from './frames.ts';
import type { Record } from './record.ts';

export class TunnelTap implements TunnelEnd {
  readonly #end: TunnelEnd;
  readonly #tell: (frame: SeenFrame) => void;
  readonly #fromClient: FrameReader;
  readonly #fromPeer: FrameReader;

  constructor(end: TunnelEnd, tell: (frame: SeenFrame) => void, { requestHead }: Record) {
    this.#end = end;
    this.#tell = tell;
    const isWebSocket = /^upgrade:.*\bwebsocket\b/im.test(requestHead);
    this.#fromClient = new FrameReader('client', isWebSocket, tell);
    this.#fromPeer = new FrameReader('peer', isWebSocket, tell);
  }

  onTunnelOpen(client: ClientTunnel): void {
    this.#end.onTunnelOpen(new ClientSide(client, this.#fromPeer));
  }

  onTunnelData(buf: Buffer, from: number, to: number): void {
    this.#fromClient.take(buf, from, to);
    this.#end.onTunnelData(buf, from, to);
  }

  onTunnelEnd(): void {
    this.#tell({ from: 'client', kind: 'end', length: 0, buf: NOTHING, start: 0 });
    this.#end.onTunnelEnd();
  }

  onTunnelDrain(): void {
    this.#end.onTunnelDrain();
  }

  onTunnelClosed(): void {
    this.#end.onTunnelClosed();
  }
}

const NOTHING = Buffer.alloc(0);

class ClientSide implements ClientTunnel {
  readonly #client: ClientTunnel;
  readonly #frames: FrameReader;

  constructor(client: ClientTunnel, frames: FrameReader) {
    this.#client = client;
    this.#frames = frames;
  }

  write(piece: Buffer, from: number, to: number): boolean {
    this.#frames.take(piece, from, to);
    return this.#client.write(piece, from, to);
  }

  end(): void {
    this.#client.end();
  }

  destroy(): void {
    this.#client.destroy();
  }

  pause(): void {
    this.#client.pause();
  }

  resume(): void {
    this.#client.resume();
  }
}
