// The field lines of an answer cut into names and values, for filters: made once per answer, and only where a filter asks. Pure.

/** Parts of a body that are sent instead of the whole: bytes from…to of it, or text (latin1) that stands between them. */
export type Segment = { readonly from: number; readonly to: number } | string;

/** What an answer is that has its whole body at hand: conditions and ranges of the request apply to it (RFC 9110 §13, §14). */
export interface Seekable {
  /** Bytes of the whole body. */
  readonly size: number;
  /** Seconds since the epoch; -1 = it has no Last-Modified. */
  readonly mtime: number;
  /** With its quotes; '' = none. */
  readonly etag: string;
  /** nginx's max_ranges; 0 = ranges are not served. */
  readonly maxRanges: number;
  /** nginx's if_modified_since. */
  readonly ifModifiedSince: 'off' | 'exact' | 'before';
  /** It is a peer's: conditions are not ours to judge, and of its body a range is cut as it comes. */
  readonly streamed: boolean;
  /** Its Last-Modified is made of `mtime`: among nginx's fields there is none. */
  readonly ofFile?: true;
}

const SLOTS: ReadonlySet<string> = new Set(['content-type', 'last-modified', 'location']);

export class AnswerHead {
  /** Names in lower case, and the lines as they are sent, without their CRLF. */
  readonly #names: string[] = [];
  readonly #fields: string[] = [];
  #changed = false;
  #text: string;
  #untagged = false;
  status: number;
  /** Bytes of the body, -1 unknown. */
  length: number;
  /** What Content-Type was before a filter named a charset in it; '' = none did. */
  mediaType = '';
  /** Its type is a peer's, fetched now or before: behind its charset it ends. */
  cutsType = false;
  /** Not null: conditions and ranges apply; a filter that changes the body takes it away. */
  seek: Seekable | null;
  /** Last-Modified is a file's own, whatever filters make of its body. */
  fileDate: boolean;
  /** What is sent of a seekable body; null = the whole of it. */
  segments: readonly Segment[] | null = null;
  /** Trailers follow the body: it is chunked where the client can take that, whatever its length is. */
  expectTrailers = false;
  /** Some client would get another coding: Vary says so. */
  varies = false;
  /** A sentence for the status that a filter puts in the answer's place. */
  why = '';

  constructor(status: number, lines: string, length: number, seek: Seekable | null) {
    this.status = status;
    this.length = length;
    this.seek = seek;
    this.fileDate = seek?.ofFile === true;
    this.#text = lines;
    for (let start = 0; start < lines.length; ) {
      const crlf = lines.indexOf('\r\n', start);
      const end = crlf < 0 ? lines.length : crlf;
      const colon = lines.indexOf(':', start);
      this.#names.push(colon < start || colon > end ? '' : lines.slice(start, colon).toLowerCase());
      this.#fields.push(lines.slice(start, end));
      start = end + 2;
    }
  }

  /** The value of the first line of this lower-case name. */
  get(lower: string): string | undefined {
    const i = this.#names.indexOf(lower);
    return i < 0 ? undefined : this.#value(i);
  }

  /** The values of all its lines. */
  getAll(lower: string): readonly string[] {
    const values: string[] = [];
    for (let i = this.#names.indexOf(lower); i >= 0; i = this.#names.indexOf(lower, i + 1))
      values.push(this.#value(i));
    return values;
  }

  #value(i: number): string {
    return this.#fields[i].slice(this.#names[i].length + 1).trim();
  }

  /** A line more, at the end. */
  add(name: string, value: string): void {
    this.addLine(name.toLowerCase(), `${name}: ${value}`);
  }

  /** The same for a line that is made already, without its CRLF. */
  addLine(lower: string, line: string): void {
    this.#changed = true;
    this.#names.push(lower);
    this.#fields.push(line);
  }

  /** One line of the name with this value: in the place of its first one, or at the end. */
  set(name: string, value: string): void {
    const lower = name.toLowerCase();
    const i = this.#names.indexOf(lower);
    if (i < 0) return this.add(name, value);
    this.#changed = true;
    this.#fields[i] = `${name}: ${value}`;
    for (let j = this.#names.length - 1; j > i; j--) if (this.#names[j] === lower) this.#take(j);
  }

  /** nginx writes it behind the fields that it keeps in slots of their own. */
  addVary(): void {
    this.#changed = true;
    let i = 0;
    while (SLOTS.has(this.#names[i])) i++;
    this.#names.splice(i, 0, 'vary');
    this.#fields.splice(i, 0, 'Vary: Accept-Encoding');
  }

  remove(lower: string): void {
    for (let i = this.#names.length - 1; i >= 0; i--) if (this.#names[i] === lower) this.#take(i);
  }

  #take(i: number): void {
    this.#changed = true;
    this.#names.splice(i, 1);
    this.#fields.splice(i, 1);
  }

  /**
   * A filter makes another body of it: its length is not known, no ranges of it are served, and its ETag says no more than that
   * the two mean the same (RFC 9110 §8.8.1).
   */
  bodyChanges(): void {
    this.length = -1;
    this.seek = null;
    this.segments = null;
    this.remove('accept-ranges');
    this.weakenTag();
  }

  /** Where its own ETag is, -1 without: the last one, as an answer whose place this one took may have left its own before. */
  #tagAt(): number {
    return this.#untagged ? -1 : this.#names.lastIndexOf('etag');
  }

  get tag(): string | undefined {
    const i = this.#tagAt();
    return i < 0 ? undefined : this.#value(i);
  }

  setTag(name: string, etag: string): void {
    const i = this.#tagAt();
    this.#untagged = false;
    if (i < 0) return this.add(name, etag);
    this.#changed = true;
    this.#fields[i] = `${name}: ${etag}`;
  }

  dropTag(): void {
    const i = this.#tagAt();
    if (i >= 0) this.#take(i);
    this.#untagged = true;
  }

  /** What there is of ETags is none of this answer's: filters leave it alone. */
  forgetTag(): void {
    this.#untagged = true;
  }

  weakenTag(): void {
    const { tag } = this;
    if (tag === undefined || tag.startsWith('W/')) return;
    // nginx drops what is no entity tag.
    if (tag.startsWith('"')) this.setTag('ETag', `W/${tag}`);
    else this.dropTag();
  }

  /** The lines, each ended by CRLF. */
  get lines(): string {
    if (this.#changed) {
      let text = '';
      for (const field of this.#fields) text += `${field}\r\n`;
      this.#text = text;
      this.#changed = false;
    }
    return this.#text;
  }
}
