// Messages of the error log as people see them on a terminal.
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type LogEntry, prettyLine } from '../../src/observe/pretty-line.ts';

const time = new Date(2026, 10, 21, 13, 23, 2);
const entry = (more: Partial<LogEntry>): LogEntry => ({
  time,
  level: 'warn',
  message: 'peer failed',
  fields: {},
  ...more,
});

describe('prettyLine', () => {
  it('is one aligned line', () => {
    const fields = {
      peer: '127.0.0.1:8002',
      cause: 'connect_refused',
      ms: 0.4,
      left: undefined,
      text: 'two words',
      none: null,
      list: [1, 'a'],
      empty: '',
      process: { name: 'app', pid: 12, gone: undefined },
      error: new Error('it broke'),
    };
    expect(prettyLine(entry({ fields }), false)).toBe(
      '13:23:02 warn   peer failed peer=127.0.0.1:8002 cause=connect_refused ms=0.4 text="two words" none=null list=[1,"a"] empty="" process.name=app process.pid=12 error="it broke"',
    );
    expect(prettyLine(entry({ level: 'notice', message: 'started' }), false)).toBe('13:23:02 notice started');
    expect(prettyLine(entry({ level: 'info', message: 'started' }), false)).toBe('13:23:02 info   started');
  });

  it('colours time, level and names, and nothing else', () => {
    const line = prettyLine(entry({ level: 'error', fields: { peer: 'a' } }), true);
    expect(line).toBe('\x1b[90m13:23:02\x1b[39m \x1b[31merror \x1b[39m peer failed \x1b[90mpeer=\x1b[39ma');
    expect(stripVTControlCharacters(line)).toBe('13:23:02 error  peer failed peer=a');
  });

  it('lets no byte of a message act on the terminal', () => {
    const hostile = 'a\x1b[2Jb\r\nc\x9b31m\u202edc\x7f\t';
    const line = prettyLine(entry({ message: hostile, fields: { uri: hostile, [hostile]: 1 } }), false);
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    expect(prettyLine(entry({ message: hostile }), false)).toBe(
      '13:23:02 warn   a\\x1b[2Jb\\x0d\\nc\\x9b31m\\u202edc\\x7f\\x09',
    );
  });
});
