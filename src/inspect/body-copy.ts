// Copies the body of a request that is over, to be sent again: from where the exchange has it, memory or a file.
import type { Exchange } from '../exchange/exchange.ts';
import type { BodyPull, BodyTarget, PullOwner, RequestBody } from '../http/body-pull.ts';
import type { Record } from './record.ts';

/** Longer ones are not kept, however large the ring is. */
const MAX_BYTES = 8 * 1024 * 1024;

/** `limitBytes`: the longest that is kept. `done` may come later, for what is read from a file. */
export function keepBody(
  { request, body }: Exchange,
  record: Record,
  limitBytes: number,
  done: () => void,
): void {
  if (!request.hasBody) return;
  record.whyNoBody = whyNot(body, Math.min(limitBytes, MAX_BYTES));
  if (body === null || record.whyNoBody !== '') return;
  record.whyNoBody = 'it is still being read';
  new BodyCopy(body, record, done).begin();
}

function whyNot(body: RequestBody | null, limitBytes: number): string {
  if (body === null) return 'nobody read it';
  if (!body.complete) return 'it did not come whole';
  if (body.received > limitBytes) return `it is larger than ${Math.floor(limitBytes)} bytes`;
  return body.replayable ? '' : 'it was passed on while it came (proxy_request_buffering off)';
}

class BodyCopy implements BodyTarget, PullOwner {
  readonly mustWait = false;
  readonly #body: RequestBody;
  readonly #record: Record;
  readonly #done: () => void;
  readonly #pieces: Buffer[] = [];
  #pull: BodyPull | null = null;

  constructor(body: RequestBody, record: Record, done: () => void) {
    this.#body = body;
    this.#record = record;
    this.#done = done;
  }

  begin(): void {
    this.#body.hold();
    this.#pull = this.#body.pull(this);
    this.onBodyMore();
  }

  onBodyMore(): void {
    const pull = this.#pull;
    if (pull === null) return;
    pull.sendTo(this, false);
    if (!pull.sent) return;
    this.#record.requestBody = Buffer.concat(this.#pieces);
    this.#record.whyNoBody = '';
    this.#end();
  }

  onBodyLost(detail: string): void {
    this.#record.whyNoBody = detail;
    this.#end();
  }

  #end(): void {
    this.#pull?.end();
    this.#pull = null;
    this.#body.release();
    this.#done();
  }

  writeText(text: string): void {
    this.#pieces.push(Buffer.from(text, 'latin1'));
  }

  writeFramed(_before: string, buf: Buffer, from: number, to: number): void {
    this.#pieces.push(Buffer.from(buf.subarray(from, to)));
  }

  writeKept(buf: Buffer): void {
    this.#pieces.push(Buffer.from(buf));
  }
}
