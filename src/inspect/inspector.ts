// Looks on at all that an acceptor serves and keeps the last of it in a ring of bounded size.
import type { Ending, Exchange } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import { copyOf } from '../shared/buffers.ts';
import { keepBody } from './body-copy.ts';
import type { SeenFrame } from './frames.ts';
import { Record, SHOWN_BYTES } from './record.ts';
import { Ring } from './ring.ts';
import { TapRoot } from './tap-root.ts';

export class Inspector implements RoadTap, Ending {
  readonly ring: Ring;
  #lastId = 0;

  /** `limitBytes`: what the ring may hold. */
  constructor(limitBytes: number) {
    this.ring = new Ring(limitBytes);
  }

  begin(x: Exchange): void {
    const record = new Record(++this.#lastId, x);
    this.ring.add(record);
    x.lookOn(new TapRoot(x.root, this, record));
    x.onEnd(this);
  }

  toPeer(x: Exchange, head: string): void {
    const record = recordOf(x);
    if (record !== undefined) record.peerHeads[x.main.attempts.length - 1] = head;
  }

  onExchangeEnd(x: Exchange): void {
    const record = recordOf(x);
    if (record === undefined) return;
    record.status = x.status;
    record.totalMs = performance.now() - record.startedAt;
    record.attempts = x.attempts;
    // Without what came with it of the body.
    record.peerAnswer = x.peerHead.split(/(?<=\r?\n\r?\n)/, 1)[0];
    record.peerSecure = x.proxySecure;
    record.failure = x.failure ?? '';
    record.requestBytes = x.body?.received ?? x.bodyBytesReceived;
    keepBody(x, record, this.ring.limitBytes / 4, () => this.changed(record));
    this.changed(record);
  }

  changed(record: Record): void {
    this.ring.touch(record);
  }

  passed(record: Record, { from, kind, length, buf, start }: SeenFrame): void {
    const kept = Math.min(length, SHOWN_BYTES, buf.length - start);
    const ms = performance.now() - record.startedAt;
    record.keepPassed({ ms, from, kind, length, bytes: copyOf(buf, start, start + kept) });
    this.changed(record);
  }
}

function recordOf(x: Exchange): Record | undefined {
  const { root } = x.main;
  return root instanceof TapRoot ? root.record : undefined;
}
