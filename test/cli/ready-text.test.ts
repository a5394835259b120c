// What is printed once everything serves.
import { describe, expect, it } from 'vitest';
import { readyText } from '../../src/cli/ready-text.ts';
import type { ProcessView } from '../../src/supervise/control/face.ts';
import { readModel } from '../support/proxy.ts';

/** The lines behind the first, which has the version and the pid. */
function linesOf(
  text: string,
  processes: readonly ProcessView[] = [],
  socket: string | null = null,
): string[] {
  const { model, remove } = readModel(text);
  remove();
  return readyText(model, processes, socket).trimEnd().split('\n').slice(1);
}

const process = (program: string, index: number, more: Partial<ProcessView> = {}): ProcessView => ({
  ...{ program, group: program, name: `${program}_0${index}`, port: 8001 + index, state: 'RUNNING', pid: 1 },
  ...{ startedAtMs: 1, stoppedAtMs: 0, exitStatus: 0, stdoutLog: null, stderrLog: null, ready: true },
  ...{ inFlight: 0, restarts: 0, problem: null, spawnError: '' },
  ...more,
});

describe('the text of a start', () => {
  it('shows weight, backup, down and max_conns of peers as they are written', () => {
    expect(
      linesOf(`http { upstream app { least_conn; server 127.0.0.1:1; server 127.0.0.1:2 weight=3 max_conns=9;
        server unix:/tmp/a backup; server 127.0.0.1:4 down; } server { listen 127.0.0.1:9000; return 204; } }`),
    ).toContain(
      '  upstream app: 127.0.0.1:1, 127.0.0.1:2 weight=3 max_conns=9, unix:/tmp/a backup, 127.0.0.1:4 down (least_conn)',
    );
  });

  it('shows the processes of a program that an upstream or a proxy_pass follows', () => {
    const text = `program web { command node; numprocs 2; first_port 8001; }
      http { server { listen 127.0.0.1:9000; location / { proxy_pass http://web; } } }`;
    const lines = linesOf(text, [process('web', 0), process('web', 1, { ready: false, state: 'STARTING' })]);
    expect(lines).toContain('  upstream web: 127.0.0.1:8001 (round_robin)');
    expect(lines).toContain('  web_01 (port 8002) is not ready yet: STARTING');
    expect(lines.join()).not.toContain('program web');
    const down = process('web', 0, { ready: false, state: 'BACKOFF', problem: 'exited with code 1' });
    const none = linesOf(text, [down]);
    expect(none).toContain('  upstream web: no peer yet (round_robin)');
    expect(none).toContain('  web_00 (port 8001) does not serve: exited with code 1');
  });

  it('shows programs that no upstream follows', () => {
    const text = `program mail { command node; numprocs 3; } program cron { command node; first_port 8001; }
      program twice { command node; numprocs 2; }
      http { server { listen 127.0.0.1:9000; return 204; } }`;
    const none = { port: null };
    const processes = [
      process('mail', 0, none),
      process('mail', 1, { ...none, state: 'BACKOFF', problem: 'exited with code 1' }),
      process('mail', 2, none),
      process('cron', 0, { ready: false, state: 'STARTING' }),
      process('twice', 0, none),
      process('twice', 1, none),
    ];
    const lines = linesOf(text, processes);
    expect(lines).toContain('  program mail: 2 RUNNING, 1 BACKOFF');
    expect(lines).toContain('  program cron: STARTING on 127.0.0.1:8001');
    expect(lines).toContain('  program twice: 2 RUNNING');
    // The state of the others is said once.
    expect(lines.filter((line) => / (does not|is not) /.test(line))).toEqual([
      '  mail_01 does not run: exited with code 1',
    ]);
  });

  it('shows groups of supervisord.conf, and how to ask for their states', () => {
    const server = 'http { server { listen 127.0.0.1:9000; return 204; } }';
    const processes = [
      process('web', 0, { group: 'site' }),
      process('web', 1, { group: 'site', state: 'FATAL', ready: false, problem: 'exited with code 1' }),
      process('mail', 0, { port: null }),
    ];
    const lines = linesOf(server, processes, '/run/x.sock');
    expect(lines).toContain('  group site: 1 RUNNING, 1 FATAL');
    expect(lines).toContain('  group mail: 1 process');
    expect(lines).toContain('  web_01 (port 8002) does not serve: exited with code 1');
    expect(lines).toContain('  control: lbproxy ctl status, or supervisorctl -s unix:///run/x.sock');
    expect(linesOf(server, [], '/run/x.sock').join()).not.toContain('control');
    const many = Array.from({ length: 30 }, (_, i) => process(`p${i}`, 0));
    expect(linesOf(server, many).filter((line) => line.includes('group'))).toHaveLength(21);
    expect(linesOf(server, many)).toContain('  and 10 more groups');
  });

  it('keeps long lists short', () => {
    const servers = Array.from({ length: 20 }, (_, i) => `server 127.0.0.1:${i + 1};`).join(' ');
    const line = linesOf(
      `http { upstream app { ${servers} } server { listen 127.0.0.1:9000; return 204; } }`,
    ).find((each) => each.includes('upstream'));
    expect(line).toMatch(/^ {2}upstream app: 127\.0\.0\.1:1, .*127\.0\.0\.1:7 and 13 more \(round_robin\)$/);
  });

  it.each([
    ['listen 80; return 204;', 'try: curl http://localhost/'],
    [
      'listen 127.0.0.1:9000; listen 9001; listen [::1]:9002; return 204;',
      'try: curl http://127.0.0.1:9000/',
    ],
    ['listen 9443 ssl; ssl_certificate self-signed; return 204;', 'try: curl -k https://localhost:9443/'],
    [
      'listen 127.0.0.1:9443 ssl; server_name a.test app.localhost; ssl_certificate local; return 204;',
      'try: https://app.localhost:9443/ in a browser (it warns until lbproxy trust was run)',
    ],
    [
      'listen 192.0.2.1:443 ssl; server_name a.test; ssl_certificate local; return 204;',
      'try: https://192.0.2.1/ in a browser (it warns until lbproxy trust was run)',
    ],
    [
      'listen 9443 ssl; ssl_certificate self-signed; return 204; } server { listen 9080; redirect https;',
      'try: curl -k https://localhost:9443/',
    ],
    [
      'listen 9443 ssl; ssl_certificate self-signed; return 204; } server { listen 9080; return 204;',
      'try: curl http://localhost:9080/',
    ],
  ])('of "%s" proposes one thing to try', (server, line) => {
    expect(linesOf(`http { server { ${server} } }`).at(-1)).toBe(line);
  });

  it('proposes nothing where there are Unix sockets only', () => {
    expect(linesOf('http { server { listen unix:/tmp/a.sock; return 204; } }')).toEqual([
      '  unix:/tmp/a.sock             HTTP',
    ]);
  });
});
