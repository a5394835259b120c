// nginx's command line, letter by letter.
import { describe, expect, it } from 'vitest';
import { readArgs } from '../../../src/cli/nginx/argv.ts';

describe('flags', () => {
  it.each([
    [['-t', '-q'], { test: true, quiet: true, dump: false }],
    [['-tq'], { test: true, quiet: true }],
    [['-T'], { test: true, dump: true }],
    [['-h'], { help: true, version: true }],
    [['-?'], { help: true, version: true }],
    [['-Vt'], { version: true, build: true, test: true }],
    [['-c', 'a.conf', '-p', '/x'], { config: 'a.conf', prefix: '/x' }],
    [['-ca.conf', '-p/x'], { config: 'a.conf', prefix: '/x' }],
    [['-tc', 'a.conf'], { test: true, config: 'a.conf' }],
    [['-s', 'reload'], { signal: 'reload' }],
    [['-squit'], { signal: 'quit' }],
    [['-g', 'daemon off;'], { directives: 'daemon off;' }],
    [['-e', 'stderr'], { errorLog: 'stderr' }],
    [['--as-nginx', '-t'], { test: true }],
    [['--allow-unsupported'], { allowUnsupported: true }],
    [['-t', ''], 'invalid option: ""'],
    [['-x'], 'invalid option: "x"'],
    [['-tx'], 'invalid option: "x"'],
    [['reload'], 'invalid option: "reload"'],
    [['-s', 'restart'], 'invalid option: "-s restart"'],
    [['-s'], 'option "-s" requires parameter'],
    [['-p'], 'option "-p" requires directory name'],
    [['-e'], 'option "-e" requires file name'],
    [['-c'], 'option "-c" requires file name'],
    [['-g'], 'option "-g" requires parameter'],
  ] as const)('%j', (words, said) => {
    const read = readArgs(words);
    if (typeof said === 'string') expect(read).toBe(said);
    else expect(read).toMatchObject(said);
  });
});
