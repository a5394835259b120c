// Writes FastCGI records: the beginning of a request, its parameters, its body. Text is latin1: one character, one byte.
// One request at a time on a connection, so its id is always 1 (ngx_http_fastcgi_module.c).

export const END_REQUEST = 3;
export const STDOUT = 6;
export const STDERR = 7;
const BEGIN_REQUEST = 1;
const PARAMS = 4;
const STDIN = 5;

/** Content of a record; all parameters of a request must fit one, as some apps read each record by itself. */
export const MAX_RECORD_BYTES = 65_535;

/** Longest piece of a body that goes in one record, as nginx cuts it. */
export const STDIN_BYTES = 32_768;

const ZEROS = '\0'.repeat(7);

/** Records end at a multiple of eight bytes. */
const paddingOf = (length: number): number => (8 - (length & 7)) & 7;

function header(type: number, length: number): string {
  return String.fromCharCode(1, type, 0, 1, length >> 8, length & 255, paddingOf(length), 0);
}

const padding = (length: number): string => ZEROS.slice(0, paddingOf(length));

/** Role responder; the flag asks the app to keep the connection. */
const BEGIN = header(BEGIN_REQUEST, 8);
const BEGIN_CLOSE = `${BEGIN}\0\x01\0\0\0\0\0\0`;
const BEGIN_KEEP = `${BEGIN}\0\x01\x01\0\0\0\0\0`;

const NO_MORE_PARAMS = header(PARAMS, 0);

/** The end of a request's body. */
export const END_OF_STDIN = header(STDIN, 0);

/** What stands before and after a piece of the body of 1 to STDIN_BYTES bytes. */
export const beforeStdin = (length: number): string => header(STDIN, length);
export const afterStdin = padding;

/** One parameter: both lengths, one byte each up to 127 and four beyond, then name and value. */
export function parameter(name: string, value: string): string {
  return lengthOf(name) + lengthOf(value) + name + value;
}

function lengthOf({ length }: string): string {
  if (length < 128) return String.fromCharCode(length);
  return String.fromCharCode((length >> 24) | 128, (length >> 16) & 255, (length >> 8) & 255, length & 255);
}

/** A request up to its body; `parameters` are no longer than MAX_RECORD_BYTES. */
export function beginRequest(parameters: string, keep: boolean): string {
  const { length } = parameters;
  // A record without content would end them.
  const all = length === 0 ? '' : header(PARAMS, length) + parameters + padding(length);
  return (keep ? BEGIN_KEEP : BEGIN_CLOSE) + all + NO_MORE_PARAMS;
}
