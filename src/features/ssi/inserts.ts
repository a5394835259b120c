// The subrequests of includes that are more than an answer in its place: one that fills a variable, one with a text for when there is nothing.
import { Insert, type InsertOwner, type Postponed } from '../../answer/postponed.ts';
import type { Asked } from '../../answer/subrequest.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { type Flow, GO } from '../../exchange/flow.ts';
import type { Failure } from '../../shared/failure.ts';
import type { Block } from './shared.ts';

export interface SetOptions {
  readonly maxBytes: number;
  readonly done: (value: string) => void;
  readonly report: (message: string) => void;
}

/** Its answer is no part of the page. */
export class SetInsert extends Insert {
  readonly #options: SetOptions;
  #text = '';
  #failed = false;

  constructor(postponed: Postponed, asked: Asked, owner: InsertOwner, options: SetOptions) {
    super(postponed, asked, owner);
    this.#options = options;
  }

  protected override onPiece(buf: Buffer, a: number, b: number): Flow {
    if (this.#text.length + b - a > this.#options.maxBytes) {
      this.#options.report('too big subrequest response (subrequest_output_buffer_size)');
      this.#failed = true;
      this.postponed.giveUp('body_truncated');
      return GO;
    }
    this.#text += buf.latin1Slice(a, b);
    return GO;
  }

  protected override onOver(x: Exchange, failure: Failure | null): void {
    if (failure === null && !this.#failed && x.status < 300 && (this.#text !== '' || hadBody(x)))
      this.#options.done(this.#text);
    super.onOver(x, failure);
  }
}

export class StubInsert extends Insert {
  readonly #block: Block;
  readonly #contentType: string;
  #shown = false;
  #hasBody = false;

  constructor(
    postponed: Postponed,
    asked: Asked,
    owner: InsertOwner,
    stub: { readonly block: Block; readonly contentType: string },
  ) {
    super(postponed, asked, owner);
    this.#block = stub.block;
    this.#contentType = stub.contentType;
  }

  insteadOfError(): { readonly contentType: string; readonly body: string } | null {
    if (this.#shown) return null;
    this.#shown = true;
    return { contentType: this.#contentType, body: this.#block.text };
  }

  protected override onPiece(buf: Buffer, a: number, b: number, flags: number): Flow {
    if (a < b) this.#hasBody = true;
    return super.onPiece(buf, a, b, flags);
  }

  protected override onOver(x: Exchange, failure: Failure | null): void {
    if (failure === null && !this.#hasBody && !this.#shown && !hadBody(x)) {
      const text = Buffer.from(this.#block.text, 'latin1');
      if (text.length > 0) super.onPiece(text, 0, text.length, 0);
    }
    super.onOver(x, failure);
  }
}

/** Before its own commands were carried out, of which nothing may be left to see. */
function hadBody(x: Exchange): boolean {
  return x.length > 0;
}
