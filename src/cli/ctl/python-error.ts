// What goes wrong in a call, named as supervisorctl prints it: scripts look at these lines (`error: <class '…'>, …`).
import { getSystemErrorMap } from 'node:util';

/** An exception that supervisorctl would have: its class and its text. */
export class PythonError extends Error {
  readonly className: string;
  /** The system's name of the error (ECONNREFUSED), where it is one. */
  readonly code: string | null;

  constructor(className: string, text: string, code: string | null = null) {
    super(text);
    this.className = className;
    this.code = code;
  }

  /** supervisorctl adds the place in its source, which says nothing about ours. */
  get line(): string {
    return `error: <class '${this.className}'>, ${this.message}`;
  }
}

const KNOWN: Readonly<Record<string, readonly [className: string, text: string]>> = {
  ECONNREFUSED: ['ConnectionRefusedError', '[Errno 111] Connection refused'],
  ENOENT: ['FileNotFoundError', '[Errno 2] No such file or directory'],
  EACCES: ['PermissionError', '[Errno 13] Permission denied'],
  EPERM: ['PermissionError', '[Errno 1] Operation not permitted'],
  ENOTDIR: ['NotADirectoryError', '[Errno 20] Not a directory'],
  ECONNRESET: ['ConnectionResetError', '[Errno 104] Connection reset by peer'],
  EPIPE: ['BrokenPipeError', '[Errno 32] Broken pipe'],
  ETIMEDOUT: ['TimeoutError', '[Errno 110] Connection timed out'],
  ENOTFOUND: ['socket.gaierror', '[Errno -2] Name or service not known'],
  EAI_AGAIN: ['socket.gaierror', '[Errno -3] Temporary failure in name resolution'],
};

/** An error of node:http as Python names it. `answered`: some of the answer had come. */
export function ofConnection(error: Error, answered: boolean): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === '') return error;
  if (code === 'ECONNRESET' && error.message === 'socket hang up' && !answered)
    return new PythonError('http.client.RemoteDisconnected', 'Remote end closed connection without response');
  if (code.startsWith('HPE_') || code === 'ECONNRESET')
    return answered
      ? new PythonError('http.client.BadStatusLine', 'the server does not speak HTTP, or broke off')
      : named(code, error);
  return named(code, error);
}

function named(code: string, error: Error): PythonError {
  const known = KNOWN[code];
  if (known !== undefined) return new PythonError(known[0], known[1], code);
  const number = (error as NodeJS.ErrnoException).errno;
  const text = number === undefined ? undefined : getSystemErrorMap().get(number)?.[1];
  return new PythonError(
    'OSError',
    text === undefined ? error.message : `[Errno ${-(number ?? 0)}] ${text}`,
    code,
  );
}

/** A text as Python's repr() shows it. */
export function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\\\p{Cc}'"]/gu, (char) => {
    if (char === '\\') return '\\\\';
    if (char === '"' || char === "'") return char === quote ? `\\${char}` : char;
    return ESCAPES[char] ?? `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
  });
  return `${quote}${inside}${quote}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
