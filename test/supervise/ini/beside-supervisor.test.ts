// The same files through the real Supervisor: taken or refused alike, and every value of every process the same.
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Case, compareWithSupervisor } from './beside-supervisor.ts';
import { generatedFile, oneOddValue } from './generated-files.ts';

const HAS_SUPERVISOR = existsSync('/usr/lib/python3/dist-packages/supervisor/options.py');
const HEAD = '[supervisord]\nenvironment=S="1"\n';
const PROGRAM = `${HEAD}[program:a]\ncommand=/bin/cat\n`;

const WRITTEN: readonly Case[] = [
  ...[
    'x',
    'autostart=y',
    'user=',
    'numprocs=',
    'environment=',
    'stdout_logfile=',
    'exitcodes=',
    'exitcodes=0, 2',
    'stopsignal=9',
    'stopsignal=quit',
    'stdout_logfile=/tmp/%%b',
    'stdout_logfile=/tmp/%%%%b',
    'command=a %s',
    'command=%(process_num)s',
    'priority=%(process_num)d',
    'umask=0o22',
    'umask=-22',
    'command=x \\',
    "command=sh -c 'a ; b'",
    'command=a;b ;c #d',
    'process_name=%(group_name)s:%(process_num)d',
    'numprocs=2\nprocess_name=%(process_num)d',
    'numprocs=-3',
    'numprocs_start=-2',
    'startsecs=1_000',
    'environment=A="%(ENV_APP_PORT)s"\ncommand=%(ENV_A)s',
    'environment=A=p#q,\n  B=2',
    'environment=V%(process_num)d=1,W="%(ENV_S)s"',
    'directory=%(here)s',
    'serverurl=http://x',
    'serverurl=',
    'killasgroup=true',
    'stdout_syslog=1',
    'stdout_logfile=syslog',
    'redirect_stderr=true\nstderr_logfile=/tmp/x',
    'command=%(program_name)10s|%(process_num)-5d|%(process_num)+05d|%(process_num)#x|%(process_num)o|%(process_num)5.1f|%(process_num)e|%(process_num)g|%(program_name)r',
  ].map((lines) => ({ main: `${PROGRAM}${lines}\n` })),
  { main: '\uFEFF[supervisord]\n' },
  { main: Buffer.from(`${PROGRAM}# caf\xe9\n`, 'latin1') },
  { main: `${PROGRAM}[DEFAULT]\nautostart=false\n[program:b]\ncommand=b` },
  { main: `${HEAD}[program:a]\ncommand=a\n[program:b\ncommand=b\n` },
  { main: `${PROGRAM}[group:g]\nprograms=a\n[group:h]\nprograms=a\n` },
  {
    main: `${PROGRAM}[group:a]\nprograms=a,b\n[program:b]\ncommand=b\n[eventlistener:a]\ncommand=x\nevents=TICK\n`,
  },
  { main: `${PROGRAM}[group:g]\nprograms=a,\n` },
  { main: `${PROGRAM}[fcgi-program:a]\ncommand=b\nsocket=tcp://h:1\n[group:g]\nprograms=a\n` },
  { main: `${HEAD}[fcgi-program:f]\ncommand=b\nsocket=tcp://h:1\n[group:g]\nprograms=f\n` },
  { main: '[supervisord]\nenvironment=A=%(host_node_name)s\n' },
  { main: '[supervisord]\nenvironment=A="%%%%",B="%(here)s"\n[program:a]\ncommand=%(ENV_B)s\n' },
  { main: `${PROGRAM}[include]\n` },
  {
    main: `${PROGRAM}directory=%(here)s\n[include]\nfiles = b/*.conf %(here)s/c.ini\n\t[program:x]\n`,
    others: {
      'b/2.conf': '[program:b]\ncommand=%(here)s/x %(here)5s %%(here)s\n[include]\nfiles=../d.conf\n',
      'b/1.conf': '[program:a]\numask=7\n[program:b]\ncommand=lost\npriority=3\n',
      'c.ini': '[program:c]\ncommand: %(here)s\n',
      'd.conf': '[program:d]\ncommand=d\n',
    },
  },
  { main: `${PROGRAM}[include]\nfiles=x.conf`, others: { 'x.conf': 'no section\n' } },
  {
    main: `${PROGRAM}[include]\nfiles=x.conf\n[include]\nfiles=y.conf`,
    others: { 'x.conf': 'no section\n', 'y.conf': '[program:y]\ncommand=%(ENV_S)s' },
  },
];

function expectSame(cases: readonly Case[]): { readonly accepted: number; readonly refused: number } {
  const all = compareWithSupervisor(cases);
  for (const [i, { theirs, ours }] of all.entries())
    expect({ file: String(cases[i]?.main), ...ours }).toEqual({ file: String(cases[i]?.main), ...theirs });
  const refused = all.filter(({ theirs }) => 'refused' in theirs).length;
  return { refused, accepted: all.length - refused };
}

describe.skipIf(!HAS_SUPERVISOR)('beside the real Supervisor', () => {
  it('is the version whose dialect this is', () => {
    expect(readFileSync('/usr/lib/python3/dist-packages/supervisor/version.txt', 'utf8').trim()).toMatch(
      /^4\.2\./,
    );
  });

  it('written files are read alike', { timeout: 60_000 }, () => {
    const { accepted, refused } = expectSame(WRITTEN);
    expect(accepted).toBeGreaterThan(25);
    expect(refused).toBeGreaterThan(12);
  });

  it.each([
    ['whole files', generatedFile],
    ['one odd value', oneOddValue],
  ])('generated files are read alike: %s', { timeout: 60_000 }, (_, files) => {
    const { accepted, refused } = expectSame(
      fc.sample(files, { seed: 20_260, numRuns: 300 }).map((main) => ({ main })),
    );
    expect(accepted).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(50);
  });
});
