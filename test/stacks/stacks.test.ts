// Configurations of real applications, as their projects document them: one file, started as a program by nginx and by lbproxy, and the
// same 300 requests to each. Status, fields, their order, bodies, and what the app was asked must be equal.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { nginxVersion } from '../support/nginx.ts';
import { type PhpFpm, phpFpm, startPhpFpm } from '../support/php-fpm.ts';
import { type App, startApp } from './app.ts';
import { CLASSICS, classicText } from './classic.ts';
import { askAll } from './client.ts';
import { differencesOf, type Side } from './compare.ts';
import { type Started, startLbproxyProgram, startNginxProgram } from './programs.ts';
import { type Request, readList, requestsOf } from './requests.ts';
import { makeStackSite, rendered, type StackSite } from './site.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const REQUESTS = 300;
const STACKS = readdirSync(HERE)
  .filter((name) => name.endsWith('.conf'))
  .map((name) => name.slice(0, -5));
const NAMES = [...STACKS, ...CLASSICS];
/** The requests to those that have none of their own. */
const CLASSIC = 'classic.requests';

describe.skipIf(nginxVersion === '' || phpFpm === '')('real stacks', () => {
  let site: StackSite;
  let app: App;
  let php: PhpFpm;
  let ports: number[];
  beforeAll(async () => {
    site = makeStackSite();
    ports = await freePorts(4);
    [app, php] = await Promise.all([startApp(ports[2], join(site.dir, 'run/app.sock')), startPhpFpm({})]);
  });
  afterAll(async () => {
    await app?.close();
    await php?.stop();
    site?.remove();
  });

  it.each(NAMES)('%s answers as under nginx', { timeout: 60_000 }, async (name) => {
    const [port, tls, appPort, dead] = ports;
    const text = CLASSICS.includes(name)
      ? classicText(name)
      : readFileSync(join(HERE, `${name}.conf`), 'utf8');
    const file = rendered(text, { dir: site.dir, port, tls, app: appPort, dead, fpm: php.socket });
    writeFileSync(join(site.dir, 'conf/nginx.conf'), file);
    const own = join(HERE, `${name}.requests`);
    const list = readList(readFileSync(existsSync(own) ? own : join(HERE, CLASSIC), 'utf8'));
    const requests = requestsOf(list, NAMES.indexOf(name), REQUESTS);
    const nginx = await sideOf(startNginxProgram, requests);
    const lbproxy = await sideOf(startLbproxyProgram, requests);
    expect(differencesOf(requests, nginx, lbproxy)).toEqual([]);
  });

  async function sideOf(
    start: (dir: string) => Promise<Started>,
    requests: readonly Request[],
  ): Promise<Side> {
    app.takeSeen();
    const program = await start(site.dir);
    try {
      const answers = await askAll({ plain: ports[0], tls: ports[1] }, requests);
      return { name: start === startNginxProgram ? 'nginx' : 'lbproxy', answers, seen: app.takeSeen() };
    } finally {
      await program.stop();
    }
  }
});
