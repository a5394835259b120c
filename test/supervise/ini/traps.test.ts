// supervisord.conf where its dialect surprises: what is read, and what is said with its place.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problems } from '../../../src/config/problem.ts';
import { readSupervisord } from '../../../src/supervise/ini/read.ts';
import { program, read } from './reading.ts';

const argv = (lines: string, env = {}): readonly string[] => program(lines, env).one.launch.argv;

describe('comments', () => {
  it('begin behind a blank, also inside quotes, and that is said', () => {
    expect(argv('command=a x; y')).toEqual(['a', 'x;', 'y']);
    expect(argv('command=a;b ; note')).toEqual(['a;b']);
    const cut = program("command=sh -c 'x=1 ; y'");
    expect(cut.one.launch.problem).toMatch(
      /cannot be split into words: the quote ' at its character 7 is not closed.*; y'/,
    );
    expect(cut.warnings[0]).toMatch(/^main\.conf:2:20: .*" ;" begins a comment even inside quotes/);
  });

  it('are found as configparser finds them, in rounds', () => {
    expect(argv('command=a;b ;c #d')).toEqual(['a;b', ';c']);
  });
});

describe('keys and sections', () => {
  it('take : too, in any case; the last one wins and a lost one is said', () => {
    const both = program('COMMAND: a\ncommand=b');
    expect(both.one.launch.argv).toEqual(['b']);
    expect(both.warnings).toEqual([
      'main.conf:3:1: command is written twice in [program:a], and only this one counts: remove the one in line 2',
    ]);
  });

  it('merge over two headers of one name', () => {
    const { processes, warnings } = read(
      '[program:a]\ncommand=a\n[program:b]\ncommand=b\n[program:a]\numask=022\n',
    );
    expect(processes.map(({ launch }) => [launch.name, launch.umask])).toEqual([
      ['a', 0o22],
      ['b', null],
    ]);
    expect(warnings).toEqual([]);
  });

  it('are ignored when unknown, with what was meant', () => {
    const { warnings, errors } = read(
      '[program:a]\ncommand=a\nautorestrat=true\nloglevel=info\nzzz=1\n[Program:b]\ncommand=b\n[worker]\ncommand=c\n[programs:d]\n[other]\nx=1\n',
    );
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      'main.conf:3:1: "autorestrat" is no key of [program:a] and is ignored; did you mean autorestart?',
      'main.conf:4:1: loglevel is a key of [supervisord] and has no effect in [program:x]: remove the line',
      'main.conf:5:1: "zzz" is no key that Supervisor knows in [program:a] and is ignored: remove the line',
      'main.conf:6:1: [Program:b] is no section of Supervisor and is ignored; did you mean [program:b]? Upper and lower case count.',
      'main.conf:8:1: [worker] is no section of Supervisor and is ignored; did you mean [program:worker]?',
      'main.conf:10:1: [programs:d] is no section of Supervisor and is ignored; did you mean [program:d]?',
      'main.conf:11:1: [other] is no section of Supervisor and is ignored',
    ]);
  });

  it('a header without ] becomes a key of the section before', () => {
    const { warnings, processes } = read('[program:a]\ncommand=a\n[program:b\ncommand=b\n');
    expect(processes.map(({ launch }) => launch.argv)).toEqual([['b']]);
    expect(warnings[0]).toMatch(/^main\.conf:3:1: the \] of "\[program:b" is missing.*write \[program:b\]$/);
  });

  it('what stands before any section, or has no delimiter, is refused with its place', () => {
    expect(read('command=a\n').errors).toEqual([
      'main.conf:1:1: "command=a" stands before any section: begin with a header such as [program:name]',
    ]);
    const { errors, pool } = read('[program:a]\ncommand=a\n autostart\nnonsense\n=x\n');
    expect(pool).toBeUndefined();
    expect(errors.map((line) => line.slice(0, 15))).toEqual(['main.conf:4:1: ', 'main.conf:5:1: ']);
  });
});

describe('indented lines', () => {
  it('go on with the value before, and one that looks like a key is said', () => {
    const a = program('command=a\n  --b\n\n  ; note\n  c\n  autostart=false\n  [program:b]');
    expect(a.one.launch.argv).toEqual(['a', '--b', 'c', 'autostart=false', '[program:b]']);
    expect(a.one.policy.autostart).toBe(true);
    expect(a.warnings.map((line) => line.slice(0, 40))).toEqual([
      'main.conf:7:3: this line is indented, so',
      'main.conf:8:3: this line is indented, so',
    ]);
  });

  it('of an environment are variables', () => {
    const a = program('command=a\nenvironment=\n  HOME="/x",\n  user="me"');
    expect(a.one.launch.environment).toEqual({ HOME: '/x', user: 'me' });
    expect(a.warnings).toEqual([]);
  });

  it('a backslash at the end of a line is a part of the command', () => {
    const a = program('command=a \\\n  b');
    expect(a.one.launch.argv).toEqual(['a', '\nb']);
    expect(a.warnings[0]).toMatch(/^main\.conf:2:11: .*backslash at the end of a line/);
  });
});

describe('bytes', () => {
  it('CRLF, tabs, UTF-8 and no last newline are fine', () => {
    expect(read('[program:é]\r\n\tcommand\t=\ta é').processes[0]?.launch.argv).toEqual(['a', 'é']);
  });

  it('a byte order mark and latin-1 are refused with their place', () => {
    expect(read('\uFEFF[program:a]\ncommand=a\n').errors[0]).toMatch(/^main\.conf:1:1: .*byte order mark/);
    expect(read(Buffer.from('[program:a]\ncommand=caf\xe9\n', 'latin1')).errors[0]).toMatch(
      /^main\.conf:2:12: a byte here is no UTF-8/,
    );
  });

  it('a file without a section is empty, and that is said', () => {
    const { pool, warnings } = read('; nothing\n');
    expect(pool?.groups).toEqual([]);
    expect(warnings).toEqual([
      'main.conf:1:1: there is no section in it: write [program:name] and a command',
    ]);
  });

  it('a file that is not there is told', () => {
    expect(read({}).errors).toEqual([
      'main.conf:1:1: it cannot be read: there is no such file: check the path',
    ]);
  });
});

describe('expansion', () => {
  it('knows the names of Supervisor', () => {
    const { processes, folder } = read(
      '[group:g]\nprograms=a\n[program:a]\ncommand=c %(program_name)s %(group_name)s %(process_num)03d %(numprocs)d %(here)s %(host_node_name)s %(ENV_X)s 100%%\nnumprocs=2\nnumprocs_start=7\nprocess_name=%(program_name)s-%(process_num)d\n',
      'main.conf',
      { X: 'x y' },
    );
    expect(processes.map(({ launch }) => launch.name)).toEqual(['a-7', 'a-8']);
    expect(processes[1]?.launch.argv).toEqual([
      'c',
      'a',
      'g',
      '008',
      '2',
      folder,
      hostname(),
      'x',
      'y',
      '100%',
    ]);
  });

  it('refuses what is not there, and a single percent sign, except in comments', () => {
    expect(read('[program:a]\n; %(ENV_NO)s %\ncommand=a ; %(ENV_NO)s\n').errors).toEqual([]);
    expect(read('[program:a]\ncommand=a %(ENV_NO)s\n').errors[0]).toMatch(
      /^main\.conf:2:9: command of \[program:a\]: %\(ENV_NO\)s: NO is not set/,
    );
    expect(read('[program:a]\ncommand=a %(process_name)s\n').errors[0]).toMatch(
      /process_name.*does not exist.*%\(program_name\)s/,
    );
    expect(read('[program:a]\ncommand=date +%F\n').errors[0]).toMatch(/"%F": a single % begins a name/);
    expect(read('[program:a]\ncommand=a\nstdout_logfile=/tmp/a%%b\n').errors[0]).toMatch(
      /in the name of a log it takes four, %%%%/,
    );
    expect(read('[program:a]\ncommand=a\nstdout_logfile=/tmp/a%%%%b\n').errors).toEqual([]);
    expect(read('[program:a]\ncommand=a\nnonsense=%\n').errors).toEqual([]);
  });

  it('of a %s without a name, which prints the whole environment, only that program is kept from starting', () => {
    const a = program('command=date +%s');
    expect(a.one.launch.problem).toMatch(/single %/);
    expect(a.errors).toEqual([]);
  });

  it('has the variables of the program and of [supervisord]', () => {
    const { processes } = read(
      '[supervisord]\nenvironment=A=1,B=sup\n[program:a]\ncommand=c %(ENV_A)s %(ENV_B)s %(ENV_C)s\nenvironment=B=own,C="%(ENV_A)s"\nstdout_logfile=/tmp/%(ENV_B)s.log\n',
    );
    expect(processes[0]?.launch.argv).toEqual(['c', '1', 'own', '1']);
    expect(processes[0]?.launch.environment).toEqual({ A: '1', B: 'own', C: '1' });
    expect(processes[0]?.output.stdout.target).toEqual({ kind: 'file', path: '/tmp/own.log' });
    expect(read('[program:a]\ncommand=c\nenvironment=A=1,B=%(ENV_A)s\n').errors[0]).toMatch(
      /main\.conf:3:13: .*A is not set/,
    );
  });
});

describe('environment', () => {
  it.each([
    ['A=1;B=2', { A: '1', B: '2' }],
    ['A="x,y",B=\'z\',', { A: 'x,y', B: 'z' }],
    ['A=/p:q+r.s-t()', { A: '/p:q+r.s-t()' }],
    ['', {}],
  ])('%s', (text, values) => {
    const a = program(`command=a\nenvironment=${text}`);
    expect(a.one.launch.environment).toEqual(values);
    expect(a.warnings).toEqual([]);
  });

  it.each(['A=1 B=2', 'A=', 'A=x y,B=2', 'A=a@b', 'A==1,B=2', 'A="x', 'A'])('refuses %s', (text) => {
    expect(read(`[program:a]\ncommand=a\nenvironment=${text}\n`).errors[0]).toMatch(
      /^main\.conf:3:13: environment of \[program:a\]: /,
    );
  });

  it.each([
    ['A=x y', { A: 'x' }, /^main\.conf:3:17: .*"y" ends the value of A/],
    ['A=p#q,B=2', { A: 'p' }, /^main\.conf:3:16: .*# begins a comment here, and "#q,B=2" is lost/],
    [
      'A=http://h/p?x=1',
      { A: 'http://h/p', x: '1' },
      /^main\.conf:3:25: .*"\?" ends the value of A, and x is set/,
    ],
    ['B=\'say "x"\'', { B: 'say "x' }, /^main\.conf:3:15: .*B becomes say "x:/],
  ])('warns of %s', (text, values, warning) => {
    const a = program(`command=a\nenvironment=${text}`);
    expect(a.one.launch.environment).toEqual(values);
    expect(a.warnings[0]).toMatch(warning);
  });
});

describe('no shell', () => {
  it.each([
    ['echo $HOME', /main\.conf:2:14: .*\$HOME stays as it is: write %\(ENV_HOME\)s/],
    [`echo "\${X}"`, /\$\{X\} stays as it is/],
    ['a && b', /"&&" is handed to the program: write bash -c/],
    ['a > /tmp/log', /">" is handed/],
    ['a 2>&1', /"2>&1" is handed/],
    ['rm /tmp/*.pid', /handed over as it stands/],
    ['cat ~/x', /~ stays as it is/],
    ['exec a', /there is no program "exec": leave the word out/],
    ['cd /x', /write directory= instead/],
    ['source /x', /there is no program "source"/],
    ['X=1 a', /write environment=X=/],
    ['bash -c cd /x && a', /outside of the shell's script/],
  ])('%s', (command, warning) => {
    const a = program(`command=${command}`);
    expect(a.warnings).toHaveLength(1);
    expect(a.warnings[0]).toMatch(warning);
  });

  it.each([
    "bash -c 'cd $HOME && exec a > b'",
    "a '$x' '|' '*.py'",
    'gunicorn --bind *:8001 app',
    'nginx -g "daemon off;"',
    'a http://h/*',
  ])('nothing is said of %s', (command) => {
    expect(program(`command=${command}`).warnings).toEqual([]);
  });
});

describe('one bad program never stops the others', () => {
  it.each([
    ['user=no_such_user_x', /there is no user "no_such_user_x"/, /^main\.conf:3:6: /],
    [
      'stdout_logfile=/no/such/x.log',
      /directory \/no\/such of its stdout_logfile does not exist: create it/,
      /^main\.conf:3:16: /,
    ],
    ['directory="/tmp"', /the quotes belong to the path here: write directory=\/tmp/, /^main\.conf:3:11: /],
    ['directory=~/x', /does not read ~ here/, /^main\.conf:3:11: /],
    ['directory=', /its directory is empty/, /^main\.conf:3:1: /],
    ['command="x', /the quote " at its character 1 is not closed/, /^main\.conf:3:9: /],
    ['command=', /its command is empty/, /^main\.conf:3:1: /],
  ])('%s', (line, problem, place) => {
    const { processes, errors, warnings } = read(`[program:a]\ncommand=a\n${line}\n[program:b]\ncommand=b\n`);
    expect(errors).toEqual([]);
    expect(processes.map(({ launch }) => launch.problem)).toEqual([expect.stringMatching(problem), null]);
    expect(warnings.some((warning) => place.test(warning) && problem.test(warning))).toBe(true);
  });

  it('a directory that is not there yet is looked for again at each start', () => {
    const a = program('command=a\ndirectory=/no/such');
    expect(a.one.launch).toMatchObject({ directory: '/no/such', problem: null });
    expect(a.warnings[0]).toMatch(/^main\.conf:3:11: .*create it, or correct the path/);
  });

  it('a log of stderr that is not written needs no directory', () => {
    const a = program('command=a\nredirect_stderr=true\nstderr_logfile=/no/such/x.log\nnumprocs=1');
    expect(a.one.launch.problem).toBeNull();
    expect(a.one.output.stderr.target).toEqual({ kind: 'none' });
    expect(a.warnings).toHaveLength(1);
    expect(a.warnings[0]).toMatch(/^main\.conf:4:16: .*stays unused/);
  });
});

describe('values', () => {
  it.each([
    'user=',
    'numprocs=',
    'numprocs=x',
    'startsecs=10s',
    'autorestart=always',
    'autostart=y',
    'stopsignal=NO',
    'exitcodes=256',
    'umask=8',
    'stdout_logfile_maxbytes=10M',
    'stopasgroup=true\nkillasgroup=false',
    'process_name=a:b',
    'numprocs=2',
  ])('refuses %s with its place', (line) => {
    const { errors, pool } = read(`[program:a]\ncommand=a\n${line}\n`);
    expect(pool).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^main\.conf:[34]:\d+: \w+ of \[program:a\]: .+: .+/);
  });

  it('fit Supervisor, but for what is better here', () => {
    const { launch, policy, output } = program(
      'command=a\nexitcodes=0, 2\nstopsignal=sigquit\nstartretries=0\nstartsecs=0\nstopwaitsecs=3600\nautorestart=TRUE\npriority=-5\nstdout_logfile_maxbytes=10 mb\nstdout_logfile=NONE\nstderr_logfile=x.log',
    ).one;
    expect(policy).toMatchObject({
      exitcodes: [0, 2],
      stopSignal: 'SIGQUIT',
      giveUpAfter: 0,
      startMs: 0,
      stopWaitMs: 3_600_000,
      autorestart: true,
      priority: -5,
      stopAsGroup: true,
      killAsGroup: true,
      backOff: 'supervisor',
      readyGates: false,
      readyLostMs: null,
      ready: { by: 'running' },
    });
    expect(output.stdout).toMatchObject({
      target: { kind: 'none' },
      maxBytes: 10 * 1024 * 1024,
      backups: 10,
    });
    const path = `${launch.directory}/x.log`;
    expect(output.stderr.target).toEqual({ kind: 'file', path, shown: 'x.log' });
    expect(launch.dialect).toBe('supervisor');
  });

  it('stopasgroup and killasgroup stay off where they are written so', () => {
    expect(program('command=a\nstopasgroup=false').one.policy).toMatchObject({
      stopAsGroup: false,
      killAsGroup: true,
    });
    expect(program('command=a\nkillasgroup=false').one.policy).toMatchObject({
      stopAsGroup: false,
      killAsGroup: false,
    });
  });

  it('devices, syslog and AUTO are targets', () => {
    expect(program('command=a\nstdout_logfile=/dev/fd/1').one.output.stdout.target).toEqual({
      kind: 'file',
      path: '/dev/fd/1',
    });
    expect(program('command=a\nstdout_logfile=syslog').one.output.stdout).toMatchObject({
      target: { kind: 'none' },
      syslog: true,
    });
    expect(program('command=a').one.output.stderr.target).toEqual({ kind: 'auto' });
    expect(program('command=a\nstdout_logfile=~/x.log', { HOME: '/tmp' }).one.output.stdout.target).toEqual({
      kind: 'file',
      path: '/tmp/x.log',
    });
  });

  it('a small number without a unit is said', () => {
    expect(program('command=a\nstdout_logfile_maxbytes=50').warnings[0]).toMatch(
      /^main\.conf:3:25: .*every 50 bytes.*50MB/,
    );
    expect(program('command=a\nstdout_logfile=x\nstdout_logfile_maxbytes=0').warnings).toEqual([]);
  });
});

describe('groups', () => {
  it('are ordered by priority and name, as their processes', () => {
    const { pool, warnings } = read(
      '[program:z]\ncommand=z\npriority=1\n[program:b]\ncommand=b\n[program:a]\ncommand=a\nnumprocs=11\nprocess_name=p%(process_num)d\n[group:m]\nprograms=b,z\npriority=5\n',
    );
    expect(warnings).toEqual([]);
    expect(pool?.groups.map(({ name, priority }) => [name, priority])).toEqual([
      ['m', 5],
      ['a', 999],
    ]);
    expect(pool?.groups[0]?.processes.map(({ launch }) => launch.name)).toEqual(['z', 'b']);
    expect(pool?.groups[1]?.processes.map(({ launch }) => launch.name).slice(0, 4)).toEqual([
      'p0',
      'p1',
      'p10',
      'p2',
    ]);
  });

  it('a program may be in two, and an unknown member is refused at its place', () => {
    const two = read('[program:a]\ncommand=a\n[group:x]\nprograms=a\n[group:y]\nprograms=a\n');
    expect(two.processes.map(({ group, launch }) => `${group}:${launch.name}`)).toEqual(['x:a', 'y:a']);
    expect(read('[program:web]\ncommand=a\n[group:x]\nprograms=web, wbe\n').errors).toEqual([
      'main.conf:4:15: programs of [group:x]: there is no program "wbe": did you mean "web"?',
    ]);
  });

  it('of two with one name the first runs, of two processes the last', () => {
    const groups = read('[program:x]\ncommand=a\n[program:y]\ncommand=y\n[group:x]\nprograms=y\n');
    expect(groups.pool?.groups.map(({ processes }) => processes[0]?.launch.name)).toEqual(['y']);
    expect(groups.warnings[0]).toMatch(/^main\.conf:1:1: there are two groups "x"/);
    const processes = read(
      '[program:a]\ncommand=a\nprocess_name=p\n[program:b]\ncommand=b\nprocess_name=p\n[group:g]\nprograms=a,b\n',
    );
    expect(processes.processes.map(({ launch }) => launch.argv)).toEqual([['b']]);
    expect(processes.warnings[0]).toMatch(/two processes of \[group:g\] are called "p"/);
  });
});

describe('ports', () => {
  it('are found in the command, and one for two processes is said', () => {
    const { processes, warnings } = read(
      '[program:a]\ncommand=a --port=800%(process_num)d\nnumprocs=2\nprocess_name=%(process_num)d\n[program:b]\ncommand=b -p 8001\n[program:c]\ncommand=c --port=80%(process_num)02d\nnumprocs=1\nnumprocs_start=100\n',
    );
    expect(processes.map(({ launch, policy }) => [launch.port, policy.port, policy.ready.by])).toEqual([
      [8000, 8000, 'tcp'],
      [8001, 8001, 'tcp'],
      [8001, 8001, 'tcp'],
      [null, null, 'running'],
    ]);
    expect(warnings).toEqual([
      'main.conf:5:1: its process "b" has the port 8001, which is that of "1" too: give one of them another port',
      'main.conf:7:1: the port 80100 of process "c" is above 65535: have fewer processes, or count from a lower port',
    ]);
  });

  it('a log that two rotate differently is said', () => {
    const { warnings } = read(
      '[program:a]\ncommand=a\nstdout_logfile=/tmp/l\nstderr_logfile=/tmp/l\nstderr_logfile_maxbytes=1MB\n',
    );
    expect(warnings[0]).toMatch(/^main\.conf:1:1: \/tmp\/l is rotated by other sizes/);
  });
});

describe('includes', () => {
  it('are globs separated by blanks, each file with its own folder as here', () => {
    const { processes, files, folder, warnings } = read({
      'main.conf':
        '[include]\nfiles = conf.d/*.conf %(here)s/x.ini none/*.conf a.conf,b.conf\n[program:m]\ncommand=m %(here)s\n',
      'conf.d/b.conf': '[program:b]\ncommand=b %(here)s\n[include]\nfiles=/nowhere\n',
      'conf.d/a.conf': '[program:a]\ncommand=a\n[program:m]\numask=022\n',
      'x.ini': '[program:x]\ncommand=x\n',
    });
    expect(processes.map(({ launch }) => launch.command)).toEqual([
      'a',
      `b ${folder}/conf.d`,
      `m ${folder}`,
      'x',
    ]);
    expect(processes[2]?.launch.umask).toBe(0o22);
    expect(files.map((file) => file.slice(folder.length))).toEqual([
      '/main.conf',
      '/conf.d/a.conf',
      '/conf.d/b.conf',
      '/x.ini',
    ]);
    expect(warnings).toEqual([
      `main.conf:2:38: no file matches "none/*.conf": it is looked for from the folder of this file, ${folder}`,
      'main.conf:2:50: no file matches "a.conf,b.conf": names are separated by blanks, not by commas',
      'conf.d/b.conf:4:1: an [include] in a file that was itself included has no effect: list these files in the main file',
    ]);
  });

  it('without files are refused', () => {
    expect(read('[include]\n').errors).toEqual([
      'main.conf:1:1: [include] has no files: write files=conf.d/*.conf',
    ]);
  });

  it('a folder is read as if all its fragments were included', () => {
    const { processes, folder, files } = read(
      {
        'd/b.ini': '[program:b]\ncommand=b %(here)s\n',
        'd/a.conf': '[program:a]\ncommand=a\n',
        'd/notes.txt': 'no',
        'd/.x.conf': 'no',
      },
      'd',
    );
    expect(processes.map(({ launch }) => launch.command)).toEqual(['a', `b ${folder}/d`]);
    expect(files).toEqual([`${folder}/d/a.conf`, `${folder}/d/b.ini`]);
    expect(read({ 'd/notes.txt': 'no' }, 'd').errors[0]).toMatch(/no file \*\.conf or \*\.ini/);
  });
});

describe('other sections', () => {
  it('[supervisord] says what holds for all', () => {
    const { pool, warnings, folder } = read(
      '[supervisord]\nnodaemon=true\nloglevel=debug\nminfds=1024\nidentifier=x\nnocleanup=true\nstrip_ansi=true\npidfile=/tmp/x.pid\n[program:a]\ncommand=a\n[supervisorctl]\nserverurl=unix:///x\n',
    );
    expect(warnings).toEqual([]);
    expect(pool).toMatchObject({
      identifier: 'x',
      keepsOldAutoLogs: true,
      logFile: `${folder}/supervisord.log`,
      pidFile: '/tmp/x.pid',
      childLogDirectory: tmpdir(),
    });
    expect(pool?.groups[0]?.processes[0]?.output.stdout.stripAnsi).toBe(true);
    expect(read('[program:a]\ncommand=a\n').pool).toMatchObject({
      identifier: 'supervisor',
      logFile: null,
      pidFile: null,
    });
  });

  it('its user is that of the programs without one', () => {
    const { processes } = read('[supervisord]\nuser=nobody\n[program:a]\ncommand=a\n');
    expect(processes[0]?.launch.user).toMatchObject({ name: 'nobody', uid: 65534 });
    const own = read(`[supervisord]\nuser=${userInfo().uid}\n[program:a]\ncommand=a\n`);
    expect(own.processes[0]?.launch).toMatchObject({ user: null, problem: null });
    const unknown = read(
      '[supervisord]\nuser=no_such_user_x\n[program:a]\ncommand=a\n[program:b]\ncommand=b\nuser=nobody\n',
    );
    expect(unknown.errors).toEqual([]);
    expect(unknown.processes[0]?.launch.problem).toMatch(/no user "no_such_user_x"/);
    expect(unknown.processes[1]?.launch.user?.name).toBe('nobody');
  });

  it('servers are where commands are taken', () => {
    const { pool, processes } = read(
      '[unix_http_server]\nfile=s.sock\nchmod=0770\nchown=root:0\n[inet_http_server]\nport=*:9001\nusername=u\npassword={SHA}x\n[inet_http_server:b]\nport=127.0.0.1:9002\n[program:a]\ncommand=a\n',
    );
    expect(pool?.controlServers.map(({ address }) => address)).toEqual([
      { kind: 'tcp', host: '', port: 9001 },
      { kind: 'tcp', host: '127.0.0.1', port: 9002 },
      { kind: 'unix', path: expect.stringMatching(/\/s\.sock$/), mode: 0o770, uid: 0, gid: 0 },
    ]);
    expect(pool?.controlServers[0]?.login).toEqual({ user: 'u', password: '{SHA}x' });
    expect(processes[0]?.launch.serverUrl).toMatch(/^unix:\/\/\/.*s\.sock$/);
    expect(read('[inet_http_server]\nport=*:9001\n').warnings).toEqual([
      expect.stringMatching(/^main\.conf:2:6: .*whoever reaches this port can start and stop programs/),
    ]);
    expect(read('[inet_http_server]\nport=127.0.0.1:9001\n').warnings).toEqual([]);
    expect(read('[inet_http_server]\nport=*:9001\nusername=u\n').errors[0]).toMatch(
      /^main\.conf:3:10: .*password is missing/,
    );
  });

  it('event listeners have events', () => {
    const { pool } = read(
      '[eventlistener:l]\ncommand=l\nevents=tick_5,PROCESS_STATE\nbuffer_size=3\n[program:a]\ncommand=a\npriority=-1\n',
    );
    expect(pool?.groups.map(({ name, listener }) => [name, listener])).toEqual([
      ['a', null],
      ['l', { events: ['TICK_5', 'PROCESS_STATE'], bufferSize: 3 }],
    ]);
    expect(read('[eventlistener:l]\ncommand=l\nevents=TICK_50\n').errors[0]).toMatch(
      /^main\.conf:3:8: .*there is no event "TICK_50"; did you mean TICK_5\?/,
    );
    expect(read('[eventlistener:l]\ncommand=l\nevents=TICK\nredirect_stderr=true\n').errors[0]).toMatch(
      /^main\.conf:4:17: redirect_stderr/,
    );
    expect(read('[eventlistener:l]\ncommand=l\n').errors[0]).toMatch(/^main\.conf:1:1: .*has no events/);
  });

  it('FastCGI programs share a socket', () => {
    const { pool } = read(
      '[fcgi-program:f]\ncommand=f\nsocket=unix:///tmp/%(program_name)s.sock\nsocket_mode=0666\nsocket_backlog=5\n',
    );
    expect(pool?.groups[0]?.socket).toEqual({
      url: 'unix:///tmp/f.sock',
      address: { kind: 'unix', path: '/tmp/f.sock', mode: 0o666, uid: null, gid: null },
      backlog: 5,
    });
    const unknown = read(
      '[fcgi-program:f]\ncommand=f\nsocket=unix:///tmp/f.sock\nsocket_owner=no_such_user_x\n',
    );
    expect(unknown.errors).toEqual([]);
    expect(unknown.processes[0]?.launch.problem).toMatch(/no user "no_such_user_x"/);
    expect(read('[fcgi-program:f]\ncommand=f\nsocket=tcp://h:1\nsocket_mode=0666\n').errors[0]).toMatch(
      /^main\.conf:4:13: socket_mode/,
    );
  });

  it('extensions in Python are told', () => {
    const own = 'supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface';
    expect(read(`[rpcinterface:supervisor]\n${own}\n`).warnings).toEqual([]);
    expect(read('[rpcinterface:x]\nsupervisor.rpcinterface_factory=x.y:z\n').warnings[0]).toMatch(
      /^main\.conf:2:33: .*x\.y:z is an extension/,
    );
    expect(read('[rpcinterface:x]\n').errors).toHaveLength(1);
  });
});

describe('files that are wrong', () => {
  it('are never read in vain: any bytes give a plan or an error with its place', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list)),
      fc
        .string({ unit: 'binary', maxLength: 200 })
        .map((text) => Buffer.from(`[program:a]\ncommand=${text}`)),
    );
    const folder = mkdtempSync(join(tmpdir(), 'lbproxy-ini-'));
    const path = join(folder, 'main.conf');
    try {
      fc.assert(
        fc.property(bytes, (file) => {
          writeFileSync(path, file);
          const problems = new Problems();
          const { pool } = readSupervisord(path, { env: {}, cwd: folder }, problems);
          expect(pool === undefined).toBe(problems.hasErrors);
        }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a number of processes with some zeros too many is refused', () => {
    const lines = 'command=a\nprocess_name=%(process_num)d\nnumprocs=6000\n';
    const { errors } = read(`[program:a]\n${lines}[program:b]\n${lines}`);
    expect(errors).toEqual([expect.stringMatching(/^main\.conf:8:10: .*more than 10000 processes in all/)]);
  });
});

describe('ordinary files', () => {
  it('four programs and a group, as in the usual guide, are read with one note', () => {
    const programs = [8000, 8001, 8002, 8003].map(
      (
        port,
      ) => `[program:tornado-${port}]\ncommand=python main.py --port=${port}\ndirectory=/tmp\nuser=${userInfo().username}\nautorestart=true
redirect_stderr=true\nstdout_logfile=/tmp/tornado.log\nloglevel=info\n\n`,
    );
    const { problems, processes } = readAll(
      `[group:tornadoes]\nprograms=tornado-8000,tornado-8001,tornado-8002,tornado-8003\n\n${programs.join('')}`,
    );
    expect(processes.map(({ group, launch }) => [group, launch.name, launch.port])).toEqual(
      [8000, 8001, 8002, 8003].map((port) => ['tornadoes', `tornado-${port}`, port]),
    );
    expect(problems).toEqual([
      'main.conf:11:1: loglevel is a key of [supervisord] and has no effect in [program:x]: remove the line',
    ]);
  });

  it('of a container are read without a word', () => {
    const { problems } = readAll(
      `[supervisord]\nnodaemon=true                ; (start in foreground if true;default false)\n;logfile=/x  ; (main log file;default $CWD/supervisord.log)\nlogfile=/dev/null\nlogfile_maxbytes=0\n
[supervisorctl]\n\n[inet_http_server]\nport = 127.0.0.1:9001\n\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n
[program:nginx]\ncommand = nginx -g 'daemon off; pid /run/nginx.pid;'\nstdout_logfile = /dev/fd/1\nstdout_logfile_maxbytes = 0\nstderr_logfile = /dev/fd/2\nstderr_logfile_maxbytes = 0\n
[program:celery]\ncommand=celery worker -A app -n k@%%h\nuser= ${userInfo().username}\ndirectory= /tmp\nenvironment =\n    A="x",\n    B="http://h/p?x=1"\n; Need to wait.\n;   Increase this.\nstopwaitsecs = 600\nkillasgroup=true\npriority=998\n
[program:app]\ncommand=/bin/bash -c "source /etc/profile && exec gunicorn -b :8010 app > /tmp/x.log 2>&1"\nstopsignal=QUIT\n
[program:queue]\ncommand=php artisan queue:work --queue=high,low --sleep=3\nprocess_name=%(program_name)s_%(process_num)02d\nnumprocs=8\nredirect_stderr=true\nstdout_logfile=/tmp/queue.log\n`,
    );
    expect(problems).toEqual([]);
  });
});

function readAll(text: string): {
  readonly problems: readonly string[];
  readonly processes: ReturnType<typeof read>['processes'];
} {
  const { errors, warnings, processes } = read(text);
  return { problems: [...errors, ...warnings], processes };
}
