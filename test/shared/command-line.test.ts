import { describe, expect, it } from 'vitest';
import { shownCommand } from '../../src/shared/command-line.ts';

describe('shownCommand', () => {
  it('has the words of a command line on one line', () => {
    expect(shownCommand('python3\0app.py\0--port=8001\0')).toBe('python3 app.py --port=8001');
    expect(shownCommand('')).toBe('');
    // What wrote its own title, as PostgreSQL and sshd do.
    expect(shownCommand('nginx: master process\0\0\0')).toBe('nginx: master process');
  });

  it('has no character that a terminal obeys', () => {
    expect(shownCommand('a\nb\0\x1b[2J\0\x7f\x9b')).toBe('a?b ?[2J ??');
  });

  it('leaves out the middle of a long one, so that the script and its arguments can be read', () => {
    const deep = `/srv/${'deep/'.repeat(30)}`;
    const shown = shownCommand(`${deep}node\0${deep}app.js\0--port=8001\0`);
    expect(shown).toHaveLength(120);
    expect(shown).toMatch(/^\/srv\/deep\/.*….*\/app\.js --port=8001$/);
    expect(shownCommand('x'.repeat(120))).toBe('x'.repeat(120));
    expect(shownCommand('x'.repeat(121))).toBe(`${'x'.repeat(40)}…${'x'.repeat(79)}`);
  });

  it('cuts no character in two', () => {
    expect(shownCommand('😀'.repeat(121))).toBe(`${'😀'.repeat(40)}…${'😀'.repeat(79)}`);
  });
});
