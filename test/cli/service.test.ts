// The files of `lbproxy service`: written into a directory in the place of /, read back, and the SysV script run for real.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ServicePlan, sealOf } from '../../src/cli/service/service-plan.ts';
import { systemdUnit } from '../../src/cli/service/systemd-unit.ts';
import { sysvScript } from '../../src/cli/service/sysv-script.ts';
import { runService, type ServiceIo } from '../../src/cli/service.ts';
import { MAIN } from '../support/main-file.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function tempDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'service-')));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const CONF = `http { server { listen 8080; return 200; } }
program slow { command "sleep 100"; stopwaitsecs 60; }
program quick { command "sleep 100"; stopwaitsecs 5; }
worker_shutdown_timeout 20s;`;

function make(own: Partial<ServiceIo> = {}, conf = CONF) {
  const root = tempDirectory();
  const config = join(root, 'lb.conf');
  writeFileSync(config, conf);
  const printed: string[] = [];
  const failed: string[] = [];
  const ran: string[] = [];
  const io: ServiceIo = {
    print: (text) => printed.push(text),
    fail: (text) => failed.push(text),
    root,
    uid: 0,
    configHome: '/home/me/.config',
    hasSystemd: true,
    systemdRuns: false,
    command: ['/usr/bin/node', '/usr/lib/lbproxy/main.js'],
    run: async (command, args) => {
      ran.push([command, ...args].join(' '));
      return { code: 0, text: '' };
    },
    ...own,
  };
  const run = (...args: string[]): Promise<number> => runService(args, io);
  return { root, config, printed, failed, ran, run, unit: join(root, 'etc/systemd/system/lbproxy.service') };
}

/** systemd.syntax(7), as far as it is used: sections of assignments, comments on lines of their own. */
function parseUnit(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let section = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    const [, key, value] = /^([A-Z]\w+)=(\S.*)$/.exec(line) ?? [];
    if (header !== undefined) {
      expect(sections).not.toHaveProperty(header);
      section = header;
      sections[section] = {};
    } else {
      expect(key, `line "${line}"`).toBeDefined();
      expect(sections[section], `${key} twice`).not.toHaveProperty(key ?? '');
      sections[section][key ?? ''] = value ?? '';
    }
  }
  return sections;
}

const PLAN: ServicePlan = {
  name: 'lbproxy',
  user: null,
  command: ['/usr/bin/node', '/usr/lib/lbproxy/main.js'],
  config: '/etc/lb.conf',
  programs: null,
  directory: '/etc',
  stopSeconds: 40,
  hasLowPort: false,
  hasStatePath: false,
};

describe('the systemd unit', () => {
  it('has what the configuration says', async () => {
    const { run, config, printed, failed } = make();
    expect(await run('print', '-c', config)).toBe(0);
    expect(failed).toEqual([expect.stringMatching(/^warning: lbproxy will run as root/)]);
    const { Unit, Service, Install } = parseUnit(printed[0]);
    expect(Unit.After).toBe('network-online.target');
    expect(Install).toEqual({ WantedBy: 'multi-user.target' });
    expect(Service).toMatchObject({
      Type: 'notify',
      NotifyAccess: 'all',
      ExecStart: `/usr/bin/node /usr/lib/lbproxy/main.js --config ${config}`,
      ExecReload: '/bin/kill -HUP $MAINPID',
      KillMode: 'mixed',
      KillSignal: 'SIGQUIT',
      // 20 s for requests, 60 + 5 for programs, and 10
      TimeoutStopSec: '95',
      WatchdogSec: '30',
      Restart: 'on-failure',
    });
    expect(Service).not.toHaveProperty('User');
    expect(Service).not.toHaveProperty('AmbientCapabilities');
  });

  it('says in a comment why, above each line that is not plain', () => {
    const lines = systemdUnit({ ...PLAN, user: 'www', hasLowPort: true }, false).split('\n');
    for (const key of [
      'Type',
      'KillMode',
      'TimeoutStopSec',
      'WatchdogSec',
      'LimitNOFILE',
      'ProtectSystem',
      'OOMPolicy',
      'NoNewPrivileges',
    ]) {
      const at = lines.findIndex((line) => line.startsWith(`${key}=`));
      const above = lines.slice(0, at).reverse();
      expect(
        above.find((line) => line.startsWith('#') || line === ''),
        key,
      ).toMatch(/^# /);
    }
  });

  it('gives a user the low ports and a state directory, only where they are needed', async () => {
    const low = make({}, 'http { server { listen 80; return 200; } }');
    await low.run('print', '-c', low.config, '--user', 'www-data', '--name', 'site');
    expect(low.failed).toEqual([]);
    expect(parseUnit(low.printed[0]).Service).toMatchObject({
      User: 'www-data',
      AmbientCapabilities: 'CAP_NET_BIND_SERVICE',
      StateDirectory: 'lbproxy',
      Environment: 'XDG_STATE_HOME=/var/lib',
    });
    const high = make({}, `state_path /srv/state; ${CONF}`);
    await high.run('print', '-c', high.config, '--user', 'www-data');
    const { Service } = parseUnit(high.printed[0]);
    expect(Service).not.toHaveProperty('AmbientCapabilities');
    expect(Service).not.toHaveProperty('StateDirectory');
  });

  it('keeps any character of a path as it is', () => {
    const text = systemdUnit(
      { ...PLAN, config: '/srv/my "site" 100%$HOME\\x.conf', directory: '/srv/50%' },
      false,
    );
    const { Service } = parseUnit(text);
    expect(Service.ExecStart).toMatch(/ --config "\/srv\/my \\"site\\" 100%%\$\$HOME\\\\x\.conf"$/);
    expect(Service.WorkingDirectory).toBe('/srv/50%%');
  });

  it('of a user asks for no privileges', async () => {
    const { run, config, printed, root } = make({ uid: 1000 });
    expect(await run('install', '--user-unit', '-c', config)).toBe(0);
    const path = join(root, 'home/me/.config/systemd/user/lbproxy.service');
    const { Service, Install } = parseUnit(readFileSync(path, 'utf8'));
    expect(Install).toEqual({ WantedBy: 'default.target' });
    for (const key of ['User', 'ProtectSystem', 'AmbientCapabilities'])
      expect(Service).not.toHaveProperty(key);
    expect(printed.join('\n')).toContain('systemctl --user enable --now lbproxy');
    expect(printed.join('\n')).toContain('loginctl enable-linger');
  });

  it('starts a supervisord.conf, and waits for its programs', async () => {
    const { run, root, printed } = make();
    const programs = join(root, 'supervisord.conf');
    writeFileSync(
      programs,
      '[program:a]\ncommand=a\nstopwaitsecs=120\n[program:b]\ncommand=b\nstopwaitsecs: 30\n',
    );
    expect(await run('print', '--programs', programs)).toBe(0);
    const { Service } = parseUnit(printed[0]);
    expect(Service.ExecStart).toBe(`/usr/bin/node /usr/lib/lbproxy/main.js --programs ${programs}`);
    expect(Service.TimeoutStopSec).toBe('170');
  });
});

describe('lbproxy service', () => {
  it('installs, says what it wrote and what is next, installs again, and removes', async () => {
    const { run, config, unit, printed, failed, ran } = make();
    expect(await run('install', '-c', config, '--user', 'www')).toBe(0);
    expect(statSync(unit).mode & 0o777).toBe(0o644);
    expect(printed).toEqual([
      `wrote ${unit}`,
      'next:\n  systemctl daemon-reload\n  systemctl enable --now lbproxy',
    ]);
    const text = readFileSync(unit, 'utf8');
    expect(sealOf(text)).toBe('ours');
    expect(await run('install', '-c', config, '--user', 'other')).toBe(0);
    expect(readFileSync(unit, 'utf8')).toContain('\nUser=other\n');
    expect(await run('uninstall')).toBe(0);
    expect(existsSync(unit)).toBe(false);
    expect(readdirSync(dirname(unit))).toEqual([]);
    expect([failed, ran]).toEqual([[], []]);
    expect(await run('uninstall')).toBe(1);
    expect(failed).toEqual([
      `${unit} does not exist: nothing was removed; --name, --user-unit and --sysv say which service`,
    ]);
  });

  it('touches no file of others, and none that was changed', async () => {
    const { run, config, unit, root, failed } = make();
    await run('install', '-c', config, '--user', 'www');
    const edited = readFileSync(unit, 'utf8').replace('RestartSec=1', 'RestartSec=2');
    writeFileSync(unit, edited);
    for (const action of ['install', 'uninstall'])
      expect(await run(action, '-c', config, '--user', 'www')).toBe(1);
    expect(failed).toEqual(
      Array(2).fill(expect.stringMatching(/was changed since lbproxy wrote it: remove it yourself/)),
    );
    expect(readFileSync(unit, 'utf8')).toBe(edited);
    writeFileSync(unit, '[Unit]\n');
    expect(await run('install', '-c', config, '--user', 'www')).toBe(1);
    expect(await run('uninstall')).toBe(1);
    expect(failed.at(-1)).toMatch(/is not of lbproxy: choose another --name/);
    expect(readFileSync(unit, 'utf8')).toBe('[Unit]\n');
    rmSync(unit);
    symlinkSync(join(root, 'elsewhere'), unit);
    expect(await run('install', '-c', config, '--user', 'www')).toBe(1);
    expect(failed.at(-1)).toMatch(/is no plain file/);
    expect(existsSync(join(root, 'elsewhere'))).toBe(false);
  });

  it('tells a systemd that runs, and says what is left when it refuses', async () => {
    const configHome = tempDirectory();
    const ran: string[] = [];
    const { run, config, printed, failed } = make({
      root: '',
      configHome,
      systemdRuns: true,
      run: async (command, args) => {
        ran.push([command, ...args].join(' '));
        return ran.length === 3 ? { code: 1, text: 'Failed to reload' } : { code: 0, text: '' };
      },
    });
    expect(await run('install', '--user-unit', '-c', config)).toBe(0);
    expect(ran).toEqual(['systemctl --user daemon-reload', 'systemctl --user enable --now lbproxy']);
    expect(printed.at(-1)).toBe('ran systemctl --user enable --now lbproxy');
    expect(await run('install', '--user-unit', '-c', config)).toBe(1);
    expect(failed).toEqual([
      'systemctl --user daemon-reload: Failed to reload; then: systemctl --user enable --now lbproxy',
    ]);
    expect(await run('uninstall', '--user-unit')).toBe(0);
    expect(ran.slice(3)).toEqual([
      'systemctl --user disable --now lbproxy',
      'systemctl --user daemon-reload',
    ]);
  });

  it.each(['--help', '-h'])('%s says how it is called', async (flag) => {
    const { run, failed, printed } = make();
    expect(await run(flag)).toBe(0);
    expect(failed).toEqual([]);
    expect(printed).toEqual([expect.stringMatching(/^usage: lbproxy service install/)]);
  });

  it.each([
    [['frob'], 2, /^usage: lbproxy service/],
    [[], 2, /^usage/],
    [['print', '--wat'], 2, /--wat[\s\S]*usage/],
    [['print', '--name', '../x'], 2, /^--name \.\.\/x: letters/],
    [['print', '--user', 'a b'], 2, /is no name of a user/],
    [['print', '--user-unit', '--system'], 2, /two places/],
    [['print', '--user-unit', '--sysv'], 2, /leave --user-unit out/],
    [['print', '-c', '/nowhere.conf'], 1, /^\/nowhere\.conf does not exist/],
  ])('refuses %j', async (args, code, text) => {
    const { run, failed, printed } = make();
    expect(await run(...args)).toBe(code);
    expect(failed).toEqual([expect.stringMatching(text)]);
    expect(printed).toEqual([]);
  });

  it('refuses a configuration with errors, and who is not root', async () => {
    const broken = make({}, 'http { server { lissten 80; } }');
    expect(await broken.run('install', '-c', broken.config)).toBe(1);
    expect(broken.failed[0]).toMatch(/lb\.conf has errors: correct them first\n[\s\S]*lissten/);
    expect(existsSync(broken.unit)).toBe(false);
    const { run, config, failed } = make({ root: '', uid: 1000 });
    expect(await run('install', '-c', config, '--user', 'www', '--name', 'lbproxy-test-never')).toBe(1);
    expect(failed.at(-1)).toMatch(/is root's: run it with sudo/);
  });
});

interface Ended {
  readonly code: number;
  readonly text: string;
}

function sh(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile('sh', args, { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
    });
  });
}

describe('the SysV script', () => {
  it('is what is written where there is no systemd', async () => {
    const { run, config, root, printed } = make({ hasSystemd: false });
    expect(await run('install', '-c', config, '--user', 'www')).toBe(0);
    const path = join(root, 'etc/init.d/lbproxy');
    expect(statSync(path).mode & 0o777).toBe(0o755);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^#!\/bin\/sh\n# Written by [^\n]+\n### BEGIN INIT INFO\n# Provides: +lbproxy\n/);
    expect(sealOf(text)).toBe('ours');
    expect(printed).toEqual([
      `wrote ${path}`,
      'next:\n  update-rc.d lbproxy defaults\n  service lbproxy start',
    ]);
    expect(await run('uninstall', '--sysv')).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('starts, tells, reloads, restarts and stops', { timeout: 90_000 }, async () => {
    const dir = tempDirectory();
    // What a shell would take apart.
    const config = join(dir, `it's "a" $HOME.conf`);
    const conf = (label: string): string => `state_path "${join(dir, 'state')}"; error_log stderr info;
      worker_processes 1; program p { command "sh -c 'echo ${label} >> ${dir}/starts; exec sleep 1000'"; }`;
    writeFileSync(config, conf('one'));
    const places = {
      defaultsFile: join(dir, 'defaults'),
      pidFile: join(dir, 'pid'),
      logFile: join(dir, 'log'),
    };
    const plan = { ...PLAN, command: [process.execPath, MAIN], config, directory: dir, stopSeconds: 15 };
    const script = join(dir, 'script');
    writeFileSync(script, sysvScript(plan, places));
    chmodSync(script, 0o755);
    cleanups.push(() => sh(script, 'stop'));
    const starts = (): string =>
      existsSync(join(dir, 'starts')) ? readFileSync(join(dir, 'starts'), 'utf8') : '';
    const until = async (what: () => boolean): Promise<void> => {
      const deadline = performance.now() + 15_000;
      while (!what()) {
        if (performance.now() > deadline)
          throw new Error(`did not come true: ${what}\n${readFileSync(places.logFile, 'utf8')}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    expect(await sh(script, 'status')).toEqual({ code: 3, text: 'lbproxy does not run\n' });
    expect((await sh(script, 'nonsense')).code).toBe(2);
    expect((await sh(script, 'reload')).code).toBe(7);
    const started = await sh(script, 'start');
    expect(started).toEqual({ code: 0, text: expect.stringMatching(/^lbproxy runs as pid \d+\n$/) });
    const pid = Number(/\d+/.exec(started.text)?.[0]);
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toEqual([
      process.execPath,
      MAIN,
      '--config',
      config,
      '',
    ]);
    expect((await sh(script, 'status')).text).toBe(`lbproxy runs as pid ${pid}\n`);
    expect(await sh(script, 'start')).toEqual({ code: 0, text: `lbproxy runs already, as pid ${pid}\n` });
    await until(() => starts() === 'one\n');

    writeFileSync(config, 'nonsense;');
    const refused = await sh(script, 'reload');
    expect([refused.code, refused.text]).toEqual([6, expect.stringContaining('nonsense')]);
    expect((await sh(script, 'restart')).code).not.toBe(0);
    expect((await sh(script, 'status')).text).toBe(`lbproxy runs as pid ${pid}\n`);
    writeFileSync(config, conf('two'));
    expect((await sh(script, 'reload')).code).toBe(0);
    await until(() => starts() === 'one\ntwo\n');
    expect((await sh(script, 'restart')).code).toBe(0);
    await until(() => starts() === 'one\ntwo\ntwo\n');
    const second = Number(readFileSync(places.pidFile, 'utf8'));
    expect(second).not.toBe(pid);
    expect(await sh(script, 'stop')).toEqual({ code: 0, text: 'lbproxy has stopped\n' });
    expect(existsSync(places.pidFile)).toBe(false);
    expect(existsSync(`/proc/${second}/exe`)).toBe(false);

    // A pid file that is left over, whose number is another's now.
    writeFileSync(places.pidFile, `${process.pid}\n`);
    expect((await sh(script, 'status')).code).toBe(1);
    expect((await sh(script, 'stop')).code).toBe(0);
    // What the administrator says, here a directory that is not there.
    writeFileSync(places.defaultsFile, 'DIRECTORY=/nowhere\n');
    expect((await sh(script, 'start')).code).toBe(6);
  });

  it('says why a start failed', { timeout: 30_000 }, async () => {
    const dir = tempDirectory();
    mkdirSync(join(dir, 'bin'));
    const stub = join(dir, 'bin/stub.sh');
    writeFileSync(stub, '[ "$1" = -t ] && exit 0; echo the port is taken >&2; exit 1\n');
    const places = {
      defaultsFile: join(dir, 'defaults'),
      pidFile: join(dir, 'pid'),
      logFile: join(dir, 'log'),
    };
    const script = join(dir, 'script');
    writeFileSync(script, sysvScript({ ...PLAN, command: ['/bin/sh', stub], directory: dir }, places));
    expect(await sh(script, 'start')).toEqual({
      code: 1,
      text: `lbproxy ended at once; the end of ${places.logFile} says why:\nthe port is taken\n`,
    });
    expect(existsSync(places.pidFile)).toBe(false);
  });
});
