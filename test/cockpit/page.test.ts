// The live view's page in a real browser: every view, every action, what it says of itself to who cannot see it, and how it looks.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { get } from '../support/http-client.ts';
import { hasChromium, type LiveViewSite, openLiveViewSite } from '../support/live-view-site.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['overview', 'topology', 'peers', 'programs', 'requests', 'configuration', 'events'];
const SECRETS = { 'x-api-key': 'secret1', cookie: 'a=secret2', authorization: 'Basic secret3' };

function show(page: Page, view: string): Promise<void> {
  return page.click(`nav a[href="#/${view}"]`);
}

function press(page: Page, name: string | RegExp): Promise<void> {
  return page.getByRole('button', { name, exact: typeof name === 'string' }).click();
}

function sees(page: Page, selector: string, text: string | RegExp): Promise<void> {
  return page.locator(selector).filter({ hasText: text }).first().waitFor();
}

async function says(page: Page, text: string | RegExp): Promise<void> {
  await sees(page, '.notice', text);
  await press(page, 'Close the message');
}

async function asksForToken(site: LiveViewSite, page: Page): Promise<void> {
  await page.goto(`${site.base}/`);
  await sees(page, 'main', 'This page needs a token');
  await page.goto(`${site.base}/#${'x'.repeat(32)}`);
  await sees(page, 'main', 'is not the one that lbproxy has');
  await page.getByLabel('Address or token').fill(site.url);
  await press(page, 'Open');
  await page.waitForSelector('.figures');
  expect(page.url()).toBe(`${site.base}/#/overview`);
  expect(site.complaints.splice(0)).toEqual([expect.stringContaining('401')]);
}

async function seesTraffic(site: LiveViewSite, page: Page): Promise<void> {
  const [port] = site.lbproxy.ports;
  for (let i = 0; i < 12; i++) await get(port, `/text?n=${i}`, { headers: SECRETS });
  await get(port, '/gone');
  await sees(page, '.statuses', /200 12.*502 1/);
  expect(await page.locator('.chart canvas').count()).toBe(4);
  await page.getByLabel('Show').selectOption('1');
  await sees(page, '.figures', 'Requests in all');
  expect(await page.locator('table tbody tr').count()).toBe(2);

  await show(page, 'topology');
  for (const text of ['one', '/gone', 'api', `127.0.0.1:${site.lbproxy.ports[2]}`])
    await sees(page, 'svg text', text);
  await page.getByLabel('Location of the fault').selectOption({ label: 'one /' });
  await page.getByLabel('Location of the fault').selectOption({ label: 'one /text' });
  await sees(page, '.fault-hint', 'This location answers by "return", which comes before delay');
  await page.getByLabel('Kind of the fault').selectOption('cut');
  await page.locator('.fault-hint').filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
  await page.getByLabel('Location of the fault').selectOption({ label: 'one /' });
  await page.getByLabel('Kind of the fault').selectOption('abort');
  await page.getByLabel('Value of the fault').fill('nonsense');
  await press(page, 'Set the fault');
  await says(page, 'value: ');
  expect(site.complaints.splice(0)).toEqual([expect.stringContaining('400')]);
  await page.getByLabel('Value of the fault').fill('503');
  await press(page, 'Set the fault');
  await sees(page, 'li', 'one /: abort 503, of 100 %');
  await expect.poll(async () => (await get(port, '/faulty')).status).toBe(503);
  await press(page, 'Take away abort of one /');
  await page.locator('li', { hasText: 'abort 503' }).waitFor({ state: 'detached' });
  await page.locator('.topology a', { hasText: 'www.one' }).click();
  expect(await page.getByLabel('Filter').inputValue()).toBe('server="one"');
}

async function steersPeers(site: LiveViewSite, page: Page): Promise<void> {
  await show(page, 'peers');
  const peer = `127.0.0.1:${site.lbproxy.ports[2]}`;
  const card = page.locator('.card').filter({ hasText: peer }).first();
  for (const action of ['drain', 'down', 'up']) {
    await card.getByRole('button', { name: `${action} ${peer} of api` }).click();
    await says(page, `${peer} is ${action}`);
    await sees(page, '.card', new RegExp(`${peer}${action}`));
  }
  await card.getByLabel(/^Weight of/).fill('7');
  await card.getByRole('button', { name: /^Set the weight/ }).click();
  await says(page, 'has weight 7');
  // The other one is dead for now: its failures are told, with their cause.
  for (let i = 0; i < 4; i++) await get(site.lbproxy.port, `/spread?n=${i}`);
  await sees(page, '.card', /Failed: connect_refused ×\d.*Last: connect_refused at \d\d:\d\d:\d\d\./);
}

async function steersPrograms(page: Page): Promise<void> {
  await show(page, 'programs');
  const rows = page.locator('tbody tr');
  await sees(page, 'tbody tr:nth-child(2)', 'RUNNING');
  await sees(page, 'tbody tr:nth-child(1)', /\d MB/);
  await press(page, 'Log of app:app_00');
  await page.getByLabel('Search in the log').fill('NEEDLE');
  await sees(page, '.log pre', 'needle in the log');
  expect(await page.locator('.log pre').textContent()).not.toContain('tick');
  await press(page, 'Close');
  await press(page, 'Stop process app:app_01');
  await says(page, 'stop: 1 process');
  await sees(page, 'tbody tr:nth-child(2)', /STOPPED|EXITED/);
  await press(page, 'Start process app:app_01');
  await sees(page, 'tbody tr:nth-child(2)', 'RUNNING');
  const pid = await rows.nth(0).locator('td').nth(1).textContent();
  await press(page, 'Restart all processes of app');
  await expect.poll(() => rows.nth(0).locator('td').nth(1).textContent(), { timeout: 15_000 }).not.toBe(pid);
  await page.getByLabel('Number of processes of app').fill('3');
  await press(page, 'Scale app');
  await sees(page, 'tbody tr:nth-child(3)', 'RUNNING');
}

async function inspects(site: LiveViewSite, page: Page): Promise<void> {
  const [port] = site.lbproxy.ports;
  await show(page, 'requests');
  const filter = page.getByLabel('Filter');
  await filter.fill('what=1');
  await sees(page, '#filter-problem', '"what" is unknown; there are status');
  await filter.fill('path=/text');
  await sees(page, '.count', '12 shown');
  // Keys alone: the newest, then the one below.
  await page.locator('.grid').focus();
  await page.keyboard.press('Home');
  await sees(page, '.side .url', '/text?n=11');
  await page.keyboard.press('ArrowDown');
  await sees(page, '.side .url', '/text?n=10');
  await sees(page, '.side .head', 'x-api-key********');
  await press(page, 'Show hidden values');
  await sees(page, '.side .head', 'x-api-keysecret1');
  await press(page, 'Hide values again');
  await sees(page, '.side .head', 'x-api-key********');

  await page.locator('summary', { hasText: 'Copy as' }).click();
  for (const [form, text] of [
    ['curl', `curl 'http://127.0.0.1:${port}/text?n=10'`],
    ['fetch', `await fetch("http://127.0.0.1:${port}/text?n=10"`],
    ['httpie', `http GET 'http://127.0.0.1:${port}/text?n=10'`],
  ]) {
    await page.getByLabel('Form').selectOption(form);
    await press(page, 'Copy');
    await sees(page, '.side', 'Copied.');
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain(text);
  }

  await press(page, 'Compare with another');
  await page.locator('.grid').focus();
  await page.keyboard.press('ArrowDown');
  await sees(page, '.diff .minus', 'GET /text?n=10');
  await sees(page, '.diff .plus', 'GET /text?n=9');
  await press(page, 'End the comparison');

  await filter.fill('path=/gone');
  await page.locator('.grid-row').first().click();
  await sees(page, '.waterfall li', /connect_refused/);
  await filter.fill('');
}

async function choose(page: Page, filter: string): Promise<void> {
  await page.getByLabel('Filter').fill(filter);
  await page.locator('.grid-row').first().click();
  await sees(page, '.side .url', /./);
}

async function openFold(page: Page, title: string): Promise<void> {
  const fold = page.locator('details', { hasText: title }).last();
  if ((await fold.getAttribute('open')) === null) await fold.locator('summary').click();
}

async function sendsAgain(site: LiveViewSite, page: Page): Promise<void> {
  const [port] = site.lbproxy.ports;
  const large = Buffer.alloc(1024 * 1024, 'all bytes, žluťoučký kůň 🐎 ').toString('latin1');
  await get(port, '/large', { post: large, headers: { ...SECRETS, 'content-type': 'text/plain' } });
  await choose(page, 'path=/large');
  await openFold(page, 'Send again');
  await press(page, 'Send');
  await sees(page, '.results', 'Answered 200');
  const [first, again] = site.got.filter(({ url }) => url === '/large');
  expect(again.body.equals(first.body)).toBe(true);
  expect(again.body.length).toBeGreaterThan(1024 * 1024);
  expect(again.headers.authorization).toBe('Basic secret3');

  await page.getByLabel('Change the head').check();
  const head = page.getByLabel('Head', { exact: true });
  await head.fill((await head.inputValue()).replace('/large', '/edited').replace(/$/, '\nX-Shown: yes'));
  await page.getByLabel('Change the body').check();
  await page.getByLabel('Body', { exact: true }).fill('němý');
  await page.getByLabel('Times').fill('3');
  const peer = await page.getByLabel(/^To/).locator('option').last().getAttribute('value');
  await press(page, 'Send');
  await sees(page, '.results', 'Answered 200 ×3');
  const edited = site.got.filter(({ url }) => url === '/edited');
  expect(
    edited.map(({ body, headers }) => [body.toString(), headers['x-api-key'], headers['x-shown']]),
  ).toEqual(Array.from({ length: 3 }, () => ['němý', 'secret1', 'yes']));
  await page.getByLabel(/^To/).selectOption(peer);
  await page.getByLabel('Change the head').uncheck();
  await page.getByLabel('Times').fill('1');
  await press(page, 'Send');
  await sees(page, '.results', 'Answered 200;');
  expect(site.got.at(-1)).toMatchObject({ url: '/large', method: 'POST' });
}

async function showsFrames(site: LiveViewSite, page: Page): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${site.lbproxy.port}/socket`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  await choose(page, 'path=/socket');
  socket.send('hello');
  await sees(page, '.frames', /hello.*echo hello/s);
  socket.close();
}

async function keepsFiles(page: Page, dir: string): Promise<void> {
  await page.getByLabel('Filter').fill('status=502');
  await sees(page, '.count', '1 shown');
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Export HAR')]);
  const file = join(dir, 'some.har');
  await download.saveAs(file);
  expect(JSON.parse(readFileSync(file, 'utf8')).log.entries).toHaveLength(1);
  await page.getByLabel('Filter').fill('');
  await page.getByLabel('Open HAR').setInputFiles(file);
  await sees(page, '.toolbar', 'Requests of the file some.har');
  await sees(page, '.count', '1 shown');
  await page.locator('.grid-row').first().click();
  await sees(page, '.waterfall', 'connect_refused');
  expect(await page.getByText('Send again').count()).toBe(0);
  const broken = join(dir, 'broken.har');
  writeFileSync(broken, '{"log":1}');
  await page.getByLabel('Open HAR').setInputFiles(broken);
  await says(page, 'broken.har: this is no HAR file');
  await press(page, 'Back to the live ones');
  await press(page, 'Pause');
  await press(page, 'Go on');
  await press(page, 'Clear');
  await sees(page, '.grid-empty', 'No request yet.');
}

async function reloads(site: LiveViewSite, page: Page): Promise<void> {
  await show(page, 'configuration');
  await page.getByLabel('Search').fill('proxy_set_header');
  await sees(
    page,
    '.settings tr',
    /location \/socketproxy_set_headerUpgrade \$http_upgrade.*nginx\.conf:8:\d+/,
  );
  const text = readFileSync(site.lbproxy.configFile, 'utf8');
  writeFileSync(site.lbproxy.configFile, `${text}\nnonsense on;`);
  await press(page, 'Reload');
  await says(page, 'reload refused: 1 problem');
  await sees(page, '.problems', 'nonsense');
  writeFileSync(site.lbproxy.configFile, text);
  await press(page, 'Reload');
  await says(page, 'reloaded');
  await show(page, 'events');
  await sees(page, '.events', 'reloaded');
  await page.getByLabel('Show').selectOption('error');
  await sees(page, '.events', 'nonsense');
}

/** A page that nobody sees reads nothing, and goes on when it is seen again. */
async function restsInTheDark(site: LiveViewSite, page: Page): Promise<void> {
  const shown = async (): Promise<number> => {
    const text = (await page.locator('.figures').textContent()) ?? '';
    return Number(/Requests in all([\d,]+)/.exec(text)?.[1].replaceAll(',', ''));
  };
  const turnTo = (is: 'hidden' | 'visible'): Promise<unknown> =>
    page.evaluate(`{
      Object.defineProperty(document, 'hidden', { value: ${is === 'hidden'}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }`);
  const streams: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/stream')) streams.push(request.url());
  });
  await turnTo('hidden');
  const before = await shown();
  await get(site.lbproxy.port, '/text');
  await page.waitForTimeout(1500);
  expect([await shown(), streams.length]).toEqual([before, 0]);
  await turnTo('visible');
  await expect.poll(shown).toBe(before + 1);
  expect(streams).toHaveLength(1);
}

async function livesOn(site: LiveViewSite, page: Page): Promise<void> {
  await page.reload();
  await sees(page, 'h2', 'Events');
  await show(page, 'overview');
  await page.waitForSelector('.figures');
  await restsInTheDark(site, page);
  const before = site.complaints.length;
  await site.restart(() => sees(page, '.connection', 'Connection lost, trying again.'));
  await sees(page, '.connection', 'nginx.conf');
  await sees(page, '.figures', /Requests in all0/);
  // Of a connection that was made in its last moments, and of those behind.
  for (const text of site.complaints.splice(before)) expect(text).toMatch(/ERR_CONNECTION_RE(?:FUSED|SET)/);
}

/** There are as many pages as are served: this one says so, and comes when another goes. */
async function waitsForRoom(site: LiveViewSite): Promise<void> {
  const others = await Promise.all(Array.from({ length: 15 }, () => site.listen()));
  const page = await site.page();
  await page.goto(site.url);
  await sees(
    page,
    '.connection',
    '16 pages are open, which is all that are served: close one. Trying again.',
  );
  for (const stop of others) stop();
  await sees(page, '.connection', 'nginx.conf');
  await page.close();
  for (const text of site.complaints.splice(0)) expect(text).toContain('503');
}

/** What axe-core takes for serious. */
async function violations(page: Page, colorScheme: 'light' | 'dark'): Promise<string[][]> {
  const rules = colorScheme === 'light' ? '' : ", runOnly: { type: 'rule', values: ['color-contrast'] }";
  const found = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations']${rules} }).then(({ violations }) => violations.map(({ id, impact, nodes }) => [impact, id, ...nodes.map((node) => node.html)]))`,
  );
  return (found as string[][]).filter(([impact]) => /serious|critical/.test(impact));
}

async function isWellMade(site: LiveViewSite, dir: string): Promise<void> {
  await Promise.all(Array.from({ length: 116 }, (_, i) => get(site.lbproxy.port, `/text?n=${i}`)));
  // Of these, one at least goes to the peer that is not there first.
  for (let i = 0; i < 4; i++) await get(site.lbproxy.port, `/peers/text?n=${i}`);
  const look = async (width: number): Promise<void> => {
    const page = await site.page(width);
    await page.goto(site.url);
    await page.waitForSelector('.figures');
    await page.evaluate(AXE);
    for (const view of VIEWS) {
      await show(page, view);
      if (view === 'requests') {
        await sees(page, '.count', '120 shown');
        // Only what is in sight is there.
        expect(await page.locator('.grid-row').count()).toBeLessThan(60);
        await page.locator('.grid-row').first().click();
        await sees(page, '.side .url', '/text');
      }
      if (view === 'topology') {
        await page.getByLabel('Location of the fault').selectOption({ label: 'one /text' });
        await sees(page, '.fault-hint', 'is not hit');
      }
      if (view === 'peers') await sees(page, '.card', 'Last: connect_refused at');
      if (view === 'programs')
        await page
          .getByRole('button', { name: /^Log of/ })
          .first()
          .click();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const file = join(dir, `${view}-${colorScheme}-${width}.png`);
        await page.screenshot({ path: file });
        expect(statSync(file).size).toBeGreaterThan(5000);
        // What is dark differs in its colours, and these are the same at every width.
        if (width === 1280 || colorScheme === 'light')
          expect([view, width, colorScheme, await violations(page, colorScheme)]).toEqual([
            view,
            width,
            colorScheme,
            [],
          ]);
      }
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    }
    await page.getByLabel('Colours').selectOption('light');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(246, 247, 249)');
    await page.close();
  };
  await Promise.all([look(1280), look(360)]);
}

it.skipIf(!hasChromium)(
  'shows and steers in a browser all that the live view has',
  async () => {
    const site = await openLiveViewSite();
    const dir = process.env.LIVE_VIEW_PICTURES ?? mkdtempSync(join(tmpdir(), 'lbproxy-page-'));
    try {
      await waitsForRoom(site);
      const page = await site.page();
      await asksForToken(site, page);
      await seesTraffic(site, page);
      await steersPeers(site, page);
      await steersPrograms(page);
      await inspects(site, page);
      await sendsAgain(site, page);
      await showsFrames(site, page);
      await keepsFiles(page, dir);
      await reloads(site, page);
      await livesOn(site, page);
      await page.close();
      await isWellMade(site, dir);
      expect(site.complaints).toEqual([]);
      expect(site.strayed).toEqual([]);
      expect(site.told.length).toBeGreaterThan(50);
      for (const text of site.told) expect(text).not.toMatch(/secret\d/);
    } finally {
      await site.close();
      if (process.env.LIVE_VIEW_PICTURES === undefined) rmSync(dir, { recursive: true, force: true });
    }
  },
  180_000,
);
