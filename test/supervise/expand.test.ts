import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitCommand } from '../../src/supervise/command-words.ts';
import { type Expansions, expand } from '../../src/supervise/expand.ts';

const names: Expansions = {
  values: new Map<string, string | number>([
    ['program_name', 'hello'],
    ['process_num', 3],
  ]),
  env: { HOME: '/home/x', TRICK: '%(process_num)d {port}' },
  port: 8004,
  index: 3,
};

function run(text: string, own: Partial<Expansions> = {}): [string, string[]] {
  const problems: string[] = [];
  return [expand(text, { ...names, ...own }, (p) => problems.push(p)), problems];
}

describe('expand', () => {
  // What Python 3 prints for text % {...}, where Python takes it.
  it.each([
    ['80%(process_num)02d', '8003'],
    ['%(process_num)d', '3'],
    ['%(process_num)i', '3'],
    ['%(process_num)s', '3'],
    ['[%(process_num)4d]', '[   3]'],
    ['[%(process_num)-4d]', '[3   ]'],
    ['[%(process_num)-04d]', '[3   ]'],
    ['[%(process_num)04s]', '[   3]'],
    ['[%(program_name)7s]', '[  hello]'],
    ['%(program_name)s-%(ENV_HOME)s', 'hello-/home/x'],
    ['100%%', '100%'],
    ['%%(process_num)d', '%(process_num)d'],
    ['%%%(process_num)d', '%3'],
    ['--port={port} {index}', '--port=8004 3'],
    ['{"a": {}} {other}', '{"a": {}} {other}'],
    ['date +%H:%M %', 'date +%H:%M %'],
    ['%(ENV_TRICK)s', '%(process_num)d {port}'],
  ])('%s → %s', (text, expected) => {
    expect(run(text)).toEqual([expected, []]);
  });

  it.each([
    ['%(ENV_NOPE)s', /environment of lbproxy has no NOPE/],
    ['%(proces_num)d', /%\(proces_num\) is not known; known are program_name, process_num/],
    ['%(program_name)d', /write %\(program_name\)s$/],
    ['%(process_num)', /is not a form that is known: write %\(process_num\)d/],
    ['%(process_num)999d', /is not a form/],
    ['%(process_num)+d', /is not a form/],
    ['%(process_num', /no closing/],
  ])('reports %s and leaves it', (text, problem) => {
    const [out, problems] = run(text);
    expect(out).toBe(text);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  it('reports {port} without first_port', () => {
    expect(run('--port={port}', { port: null })[1]).toEqual([
      expect.stringMatching(/first_port is not set: add/),
    ]);
  });

  it('never throws and leaves texts without % and braces alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const [out] = run(text);
        if (!/[%{]/.test(text)) expect(out).toBe(text);
      }),
    );
  });
});

describe('splitCommand', () => {
  // What Python's shlex.split gives.
  it.each([
    ['python3 hello.py --port=1', ['python3', 'hello.py', '--port=1']],
    [' a\t b\n', ['a', 'b']],
    [`sh -c 'echo "a b"; exit'`, ['sh', '-c', 'echo "a b"; exit']],
    [`a"b c"'d e'f`, ['ab cd ef']],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\b'`, ['a\\b']],
    ['a\\ b \\"c', ['a b', '"c']],
    [`'' ""`, ['', '']],
    ['', []],
    ['echo $HOME | cat > *', ['echo', '$HOME', '|', 'cat', '>', '*']],
  ])('%j', (line, words) => {
    expect(splitCommand(line)).toEqual(words);
  });

  it.each([
    [`a 'b`, "the quote ' at character 3 is not closed"],
    [`a "b\\"`, 'the quote " at character 3 is not closed'],
    ['a\\', 'it ends in a backslash that escapes nothing'],
  ])('says what is open in %j', (line, problem) => {
    expect(splitCommand(line)).toEqual({ problem });
  });
});
