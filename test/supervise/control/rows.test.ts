import { afterEach, describe, expect, it } from 'vitest';
import { readModel } from '../../support/proxy.ts';

const removes: (() => void)[] = [];
afterEach(() => {
  for (const remove of removes.splice(0)) remove();
});

function control(text: string) {
  const { model, remove } = readModel(`${text} program a { command sleep 1; }`);
  removes.push(remove);
  return model.settings.controlServers;
}

describe('control', () => {
  it('reads addresses, passwords and modes', () => {
    expect(
      control('control 9001; control [::1]:9002; control 0.0.0.0:9003 user=a "password={SHA}x";'),
    ).toMatchObject([
      { address: { kind: 'tcp', host: '127.0.0.1', port: 9001 }, login: null },
      { address: { kind: 'tcp', host: '::1', port: 9002 } },
      { address: { kind: 'tcp', host: '0.0.0.0', port: 9003 }, login: { user: 'a', password: '{SHA}x' } },
    ]);
    expect(control('control unix:/run/a.sock; control unix:/run/b.sock mode=0660;')).toMatchObject([
      { address: { kind: 'unix', path: '/run/a.sock', mode: 0o600 } },
      { address: { path: '/run/b.sock', mode: 0o660 } },
    ]);
  });

  it.each([
    ['control 0.0.0.0:9001;', /whoever reaches 0\.0\.0\.0:9001 could stop and start programs/],
    ['control 127.0.0.1:9001 user=a;', /needs both user= and password=/],
    ['control 127.0.0.1;', /"127\.0\.0\.1" is neither an address/],
    ['control 127.0.0.1:70000;', /is neither an address/],
    ['control unix:/a mode=9;', /mode=9 is for Unix sockets, and octal/],
    ['control 9001 login=a;', /"login=a" is none of/],
  ])('refuses %s', (text, message) => {
    expect(() => control(text)).toThrow(message);
  });
});
