import { describe, expect, it } from 'vitest';
import { ReadyLog } from '../../src/supervise/ready-log.ts';

function make(pattern: string) {
  const lines: string[] = [];
  const log = new ReadyLog(pattern, (line) => lines.push(line));
  return { log, lines, out: (text: string | Buffer) => log.push('stdout', Buffer.from(text)) };
}

describe('ReadyLog', () => {
  it('matches whole lines, however they are cut', () => {
    const { out, lines } = make('^Listening on \\d+$');
    out('starting\nListen');
    out('ing on 80');
    out('01');
    expect(lines).toEqual([]);
    out('\r\nListening on 9\n');
    expect(lines).toEqual(['Listening on 8001']);
  });

  it('keeps the streams apart', () => {
    const { log, out, lines } = make('ready');
    out('rea');
    log.push('stderr', Buffer.from('dy\n'));
    expect(lines).toEqual([]);
    log.push('stderr', Buffer.from('it is ready'));
    log.flush('stderr');
    expect(lines).toEqual(['it is ready']);
  });

  it('takes any bytes, and characters of UTF-8 as they are written', () => {
    const { out, lines } = make('läuft');
    out(Buffer.from([0xff, 0, 0xc3, 0x0a, 0xe2]));
    out('\nes läuft ✓\n');
    expect(lines).toEqual(['es läuft ✓']);
  });

  it('holds 64 KiB of a line, and nothing once it has matched', () => {
    const { log, out, lines } = make('x{3}|end');
    for (let i = 0; i < 100; i++) out('y'.repeat(10_000));
    out('end\n');
    expect(lines).toEqual([]);
    out('the end\nxxx\n');
    expect(lines).toEqual(['the end']);
    log.flush('stdout');
    expect(lines.length).toBe(1);
  });

  it('may use its reader’s memory no longer than the call', () => {
    const { log, lines } = make('^abc$');
    const chunk = Buffer.from('abc');
    log.push('stdout', chunk);
    chunk.fill('z');
    log.push('stdout', Buffer.from('\n'));
    expect(lines).toEqual(['abc']);
  });

  it('says nothing once closed', () => {
    const { log, out, lines } = make('a');
    log.close();
    out('a\n');
    log.flush('stdout');
    expect(lines).toEqual([]);
  });
});
