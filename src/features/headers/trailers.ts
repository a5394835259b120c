// The body's part of add_trailer: passes the pieces on as they are, and puts the fields behind the last one.
import { FilterLink } from '../../answer/link.ts';
import type { AnswerSink, Exchange } from '../../exchange/exchange.ts';
import type { Flow } from '../../exchange/flow.ts';

export interface TrailerSetting {
  readonly name: string;
  /** '' = no line. */
  readonly value: (x: Exchange) => string;
}

export class TrailerLink extends FilterLink {
  readonly #settings: readonly TrailerSetting[];

  constructor(x: Exchange, next: AnswerSink, settings: readonly TrailerSetting[]) {
    super(x, next);
    this.#settings = settings;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    return this.emit(buf, a, b, flags);
  }

  /** Only now are values such as $upstream_response_time known. */
  protected override trailersAfter(given: string): string {
    let text = given;
    for (const { name, value } of this.#settings) {
      const field = value(this.x);
      if (field !== '') text += `${name}: ${field}\r\n`;
    }
    return text;
  }
}
