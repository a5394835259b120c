// Copies the body of a request that is over, to be sent again: from where the exchange has it, memory or a file.
import type { BodyPull, BodyTarget, PullOwner, RequestBody } from '../http/body-pull.ts';

/** Longer ones are not kept, however large the ring is. */
const MAX_BYTES = 8 * 1024 * 1024;

/** '' where it can be. `limitBytes`: what there is room for. */
export function whyNotKept(body: RequestBody | null, limitBytes: number): string {
  const limit = Math.max(0, Math.floor(Math.min(limitBytes, MAX_BYTES)));
  if (body === null) return 'nobody read it';
  if (!body.complete) return 'it did not come whole';
  if (body.received > limit) return `it is larger than ${limit} bytes`;
  return body.replayable ? '' : 'it was passed on while it came (proxy_request_buffering off)';
}

/** `copy` null: it cannot be read any more, and `problem` says why. */
type Done = (copy: Buffer | null, problem: string) => void;

export class BodyCopy implements BodyTarget, PullOwner {
  readonly mustWait = false;
  readonly #body: RequestBody;
  readonly #done: Done;
  readonly #pieces: Buffer[] = [];
  #pull: BodyPull | null = null;

  /** `done` may come later, for what is read from a file. */
  constructor(body: RequestBody, done: Done) {
    this.#body = body;
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
    if (pull.sent) this.#end(Buffer.concat(this.#pieces), '');
  }

  onBodyLost(detail: string): void {
    this.#end(null, detail);
  }

  #end(copy: Buffer | null, problem: string): void {
    if (this.#pull === null) return;
    this.#pull.end();
    this.#pull = null;
    this.#body.release();
    this.#done(copy, problem);
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
