// Reads text/event-stream, as EventSource would: that one cannot send the token. An event ends with an empty line; a line ends with CR, LF
// or both.

export interface SentEvent {
  readonly name: string;
  readonly data: string;
}

export class EventReader {
  /** Of a line whose end has not come. */
  #pieces: string[] = [];
  #name = '';
  #data: string[] = [];

  /** The events that are complete with this piece. */
  take(piece: string): SentEvent[] {
    this.#pieces.push(piece);
    if (!/[\r\n]/.test(piece)) return [];
    const text = this.#pieces.join('');
    // A CR that is last may be the first half of an end of line.
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\r|\n/);
    this.#pieces = [`${lines.pop() ?? ''}${text.slice(end)}`];
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line: string): SentEvent | null {
    if (line === '') return this.#dispatch();
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') this.#name = value;
    if (field === 'data') this.#data.push(value);
    return null;
  }

  #dispatch(): SentEvent | null {
    const [name, data] = [this.#name === '' ? 'message' : this.#name, this.#data];
    this.#name = '';
    this.#data = [];
    return data.length === 0 ? null : { name, data: data.join('\n') };
  }
}
