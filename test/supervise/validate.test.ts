import { describe, expect, it } from 'vitest';
import type { Settings } from '../../src/config/model.ts';
import { planProcesses } from '../../src/supervise/process-spec.ts';
import { type ValidateOptions, validatePrograms } from '../../src/supervise/validate.ts';
import { program } from './programs.ts';

function problemsOf(programs: Record<string, Partial<Settings>>, options: ValidateOptions = {}): string[] {
  const out: string[] = [];
  const models = Object.entries(programs).map(([name, own]) =>
    program(name, { programCommand: 'run', ...own }),
  );
  validatePrograms(models, (at, message) => out.push(`${at}: ${message}`), options);
  return out;
}

describe('validatePrograms', () => {
  it('has nothing to say about a right one', () => {
    const hello = { programCommand: 'a --port={port}', programNumprocs: 4, programFirstPort: 8001 };
    expect(problemsOf({ hello, other: { ...hello, programFirstPort: 8005 } })).toEqual([]);
  });

  it('knows the classic Supervisor listing', () => {
    const classic = {
      programCommand: 'python3 hello.py --port=80%(process_num)02d',
      programProcessName: '%(program_name)s-80%(process_num)02d',
      programNumprocs: 4,
      programNumprocsStart: 1,
    };
    expect(problemsOf({ hello: classic })).toEqual([]);
    expect(problemsOf({ hello: { ...classic, programFirstPort: 8001 } })).toEqual([]);
    expect(problemsOf({ hello: { ...classic, programFirstPort: 8000 } })).toEqual([
      'conf:1:1: program "hello": "80%(process_num)02d" becomes 8001 for process 1, but by first_port its port is 8000: write {port}',
    ]);
  });

  it.each([
    ['a --port=80%(process_num)02d', 101, /becomes "80100" for process 100, which is no port/],
    ['a --port 8%(process_num)02d', 101, /jumps to 8100 at process 100/],
    ['a -p 655%(process_num)02d', 40, /becomes "65536" for process 36/],
    ['a 127.0.0.1:80%(process_num)2d', 1, /becomes "80 0" for process 0/],
  ])('%s with %i processes', (programCommand, programNumprocs, problem) => {
    expect(problemsOf({ hello: { programCommand, programNumprocs } })).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it('leaves numbers alone that are no ports', () => {
    expect(problemsOf({ a: { programCommand: 'a --id=80%(process_num)02d', programNumprocs: 101 } })).toEqual(
      [],
    );
  });

  it('reports ports beyond the last one', () => {
    expect(problemsOf({ a: { programFirstPort: 65534, programNumprocs: 4 } })).toEqual([
      'conf:1:1: program "a": 4 processes from first_port 65534 need ports up to 65537; 65535 is the last',
    ]);
  });

  it('reports a port and a name of two programs, once each', () => {
    expect(
      problemsOf({
        a: { programFirstPort: 8001, programNumprocs: 4, programProcessName: 'p{index}' },
        b: { programFirstPort: 8003, programNumprocs: 4, programProcessName: 'p{index}' },
      }),
    ).toEqual([
      'conf:1:1: program "b": port 8003 is already that of program "a": choose another first_port',
      'conf:1:1: program "b": two processes are called "p0" (the other is of program "a"): change process_name',
    ]);
  });

  it('reports a process_name that is the same for all', () => {
    expect(problemsOf({ a: { programNumprocs: 2, programProcessName: '%(program_name)s' } })).toEqual([
      'conf:1:1: program "a": two processes are called "a": put %(process_num)02d into process_name',
    ]);
  });

  it('reports one problem of many processes once', () => {
    expect(problemsOf({ a: { programCommand: 'a {port}', programNumprocs: 9 } })).toHaveLength(1);
    expect(problemsOf({ a: { programCommand: "a 'b", programNumprocs: 9 } })).toEqual([
      expect.stringMatching(/cannot be split into words: the quote ' at character 3 is not closed/),
    ]);
    expect(problemsOf({ a: { programCommand: null } })).toEqual([expect.stringMatching(/it has no command/)]);
    expect(problemsOf({ a: { programCommand: '""' } })).toEqual([expect.stringMatching(/command is empty/)]);
    expect(problemsOf({ a: { programCommand: '%(ENV_X)s' } }, { env: {} })).toHaveLength(1);
  });

  it('reports dependencies that would be waited for without an end, and ports that are asked and not known', () => {
    expect(problemsOf({ web: { programDependsOn: ['databse'] }, database: {} })).toEqual([
      'conf:1:1: program "web": it depends on program "databse", which there is not: did you mean "database"?',
    ]);
    const circle = {
      a: { programDependsOn: ['b'] },
      b: { programDependsOn: ['c'] },
      c: { programDependsOn: ['b'] },
    };
    expect(problemsOf(circle)).toEqual([
      'conf:1:1: program "a": it waits for itself: b → c → b; take one out of depends_on',
    ]);
    expect(
      problemsOf({ a: { programDependsOn: ['b', 'c'] }, b: { programDependsOn: ['c'] }, c: {} }),
    ).toEqual([]);
    expect(problemsOf({ a: { programReady: { by: 'http', path: '/', statuses: [] } } })).toEqual([
      'conf:1:1: program "a": ready http asks its port, which is not known: add first_port, the port of its first process',
    ]);
  });

  it('tells an upstream that its program has no known port, at the upstream', () => {
    const followed = new Map([['a', 'conf:9:3']]);
    expect(problemsOf({ a: {} }, { followed })).toEqual([
      'conf:9:3: the upstream follows program "a", whose ports are not known: add first_port, the port of its first ' +
        'process, to the program and write the port in its command as {port}',
    ]);
    expect(problemsOf({ a: { programFirstPort: 80 } }, { followed })).toEqual([]);
  });
});

describe('planProcesses', () => {
  it('expands each process', () => {
    const model = program('hello', {
      programCommand: 'py %(program_name)s.py --port={port} %(ENV_OPTS)s',
      programNumprocs: 2,
      programNumprocsStart: 1,
      programFirstPort: 8001,
      programDirectory: 'demo/{index}',
      programEnvironment: { NUM: '%(process_num)02d', HERE: '%(here)s' },
    });
    const specs = planProcesses(
      model,
      { prefix: '/etc/lb', env: { OPTS: '-a "b c"' }, userOf: () => undefined },
      (m) => {
        throw new Error(m);
      },
    );
    expect(specs.map((s) => s.launch)).toMatchObject([
      {
        name: 'hello_01',
        port: 8001,
        argv: ['py', 'hello.py', '--port=8001', '-a', 'b c'],
        directory: '/etc/lb/demo/0',
        environment: { NUM: '01', HERE: '/etc/lb' },
      },
      {
        name: 'hello_02',
        port: 8002,
        argv: ['py', 'hello.py', '--port=8002', '-a', 'b c'],
        directory: '/etc/lb/demo/1',
        environment: { NUM: '02', HERE: '/etc/lb' },
      },
    ]);
  });

  it('names a single process after its program', () => {
    const [spec] = planProcesses(
      program('solo', { programCommand: 'a' }),
      { prefix: '/', env: {}, userOf: () => undefined },
      () => undefined,
    );
    expect(spec.launch).toMatchObject({ name: 'solo', port: null, directory: '/' });
  });
});
