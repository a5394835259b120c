// Finds commands in the bytes of a page, however these are cut: nginx's state machine (ngx_http_ssi_parse). Text that stands around them is
// told as a stretch of the piece at hand, and by how many bytes of `<!--#` in front of it were held back before.

/** What a call came to: the piece is used up, a command is complete, or one that is none has ended. */
export const MORE = 0;
export const COMMAND = 1;
export const MALFORMED = 2;
export type Parsed = typeof MORE | typeof COMMAND | typeof MALFORMED;

export interface Parameter {
  readonly name: string;
  value: string;
}

const OPENING = '<!--#';
const LESS = 0x3c;
const MAX_NAME = 32;

type State =
  | 'text'
  | 'before-command'
  | 'command'
  | 'before-name'
  | 'name'
  | 'before-equals'
  | 'before-value'
  | 'value'
  | 'escaped'
  | 'behind-value'
  | 'end-dash'
  | 'end-bracket'
  | 'error'
  | 'error-dash'
  | 'error-bracket';

const isSpace = (c: string): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\n';

export class SsiParser {
  readonly #maxValue: number;
  readonly #report: (message: string) => void;
  #state: State = 'text';
  /** How much of the opening has been seen. */
  #matched = 0;
  #quote = '';
  #name = '';
  /** The command that is complete, bytes as latin1. */
  command = '';
  params: Parameter[] = [];
  /** Text of the last call: `held` bytes of the opening, then the piece's [textFrom, textTo). */
  held = 0;
  textFrom = 0;
  textTo = 0;
  /** Where the next call begins. */
  position = 0;

  constructor(maxValue: number, report: (message: string) => void) {
    this.#maxValue = maxValue;
    this.#report = report;
  }

  parse(buf: Buffer, from: number, to: number): Parsed {
    this.held = 0;
    this.textFrom = from;
    this.textTo = from;
    let p = from;
    if (this.#state === 'text') {
      p = this.#readText(buf, from, to);
      if (this.#state === 'text') {
        this.position = to;
        return MORE;
      }
    }
    while (p < to) {
      const state = this.#take(String.fromCharCode(buf[p++]));
      const wasError = this.#state === 'error-bracket';
      this.#state = state;
      if (state === 'text') {
        this.position = p;
        return wasError ? MALFORMED : COMMAND;
      }
    }
    this.position = to;
    return MORE;
  }

  /** Up to the opening of a command, whose end it gives; else to the end of the piece. */
  #readText(buf: Buffer, from: number, to: number): number {
    const carried = this.#matched;
    let matched = carried;
    let start = from - carried;
    let p = from;
    const isText = (): void => {
      if (start < from) this.held = carried;
    };
    while (matched < OPENING.length) {
      if (matched === 0) {
        const at = buf.indexOf(LESS, p);
        if (at < 0 || at >= to) {
          start = to;
          break;
        }
        start = at;
        matched = 1;
        p = at + 1;
      }
      if (p === to) break;
      const c = buf[p];
      if (c === OPENING.charCodeAt(matched)) matched++;
      else {
        isText();
        start = c === LESS ? p : to;
        matched = c === LESS ? 1 : 0;
      }
      p++;
    }
    this.textTo = Math.max(from, start);
    this.#matched = matched === OPENING.length ? 0 : matched;
    if (matched === OPENING.length) this.#state = 'before-command';
    return p;
  }

  /** The state behind this byte. */
  #take(c: string): State {
    switch (this.#state) {
      case 'before-command':
        return isSpace(c) ? 'before-command' : this.#beginCommand(c);
      case 'command':
        return this.#takeCommand(c);
      case 'before-name':
        return this.#takeBeforeName(c);
      case 'name':
        return this.#takeName(c);
      case 'before-equals':
        return isSpace(c)
          ? 'before-equals'
          : c === '='
            ? 'before-value'
            : this.#unexpected(c, `after "${this.#name}" parameter`);
      case 'before-value':
        return this.#takeBeforeValue(c);
      case 'value':
        return this.#takeValue(c);
      case 'escaped':
        return this.#addToValue(c, 'value');
      case 'behind-value':
        if (isSpace(c)) return 'before-name';
        return c === '-' ? 'end-dash' : this.#error(`unexpected "${c}" symbol after a value`);
      case 'end-dash':
        return c === '-' ? 'end-bracket' : this.#error(`unexpected "${c}" symbol`);
      case 'end-bracket':
        return c === '>' ? 'text' : this.#error(`unexpected "${c}" symbol`);
      case 'error':
        return c === '-' ? 'error-dash' : 'error';
      case 'error-dash':
        return c === '-' ? 'error-bracket' : 'error';
      case 'error-bracket':
        return c === '>' ? 'text' : 'error';
      default:
        return 'text';
    }
  }

  #beginCommand(c: string): State {
    this.command = c;
    this.params = [];
    return 'command';
  }

  #takeCommand(c: string): State {
    if (isSpace(c)) return 'before-name';
    if (c === '-') return 'end-dash';
    if (this.command.length === MAX_NAME) return this.#error('the command is too long');
    this.command += c;
    return 'command';
  }

  #takeBeforeName(c: string): State {
    if (isSpace(c)) return 'before-name';
    if (c === '-') return 'end-dash';
    this.#name = c;
    return 'name';
  }

  #takeName(c: string): State {
    if (isSpace(c)) return 'before-equals';
    if (c === '=') return 'before-value';
    if (c === '-') return this.#unexpected(c, `after "${this.#name}" parameter`);
    if (this.#name.length === MAX_NAME) return this.#error(`too long "${this.#name}${c}..." parameter`);
    this.#name += c;
    return 'name';
  }

  #takeBeforeValue(c: string): State {
    if (isSpace(c)) return 'before-value';
    if (c !== '"' && c !== "'") return this.#unexpected(c, `before value of "${this.#name}" parameter`);
    this.#quote = c;
    this.params.push({ name: this.#name, value: '' });
    return 'value';
  }

  #takeValue(c: string): State {
    if (c === this.#quote) return 'behind-value';
    return this.#addToValue(c, c === '\\' ? 'escaped' : 'value');
  }

  #addToValue(c: string, next: State): State {
    const param = this.params[this.params.length - 1];
    if (param.value.length >= this.#maxValue)
      return this.#error(`too long value of "${this.#name}" parameter (ssi_value_length)`);
    param.value += c;
    return next;
  }

  /** One that may begin the end already. */
  #unexpected(c: string, where: string): State {
    const state = this.#error(`unexpected "${c}" symbol ${where}`);
    return c === '-' ? 'error-dash' : state;
  }

  #error(message: string): State {
    this.#report(`${message} in "${this.command}" SSI command`);
    return 'error';
  }
}
