// What a reader would ask next: traps of configurations, as far as the request at hand shows them.
import type { WatchedLevel } from '../compile/watch.ts';
import { listenKey } from '../config/addresses.ts';
import type { LocationMatch, LocationModel, Model } from '../config/model.ts';
import type { Explanation } from './explanation.ts';
import { locationAt, searchLocation } from './location-at.ts';
import type { SetAt } from './set-at.ts';

type Told = Omit<Explanation, 'hints'>;

interface Where {
  readonly level: WatchedLevel;
  readonly model: Model;
  readonly setAt: SetAt;
}

export function hintsOf(told: Told, where: Where): string[] {
  const all = [
    rootTrap(told, where),
    aliasSlash(told, where),
    passSlash(told, where),
    lostHeaders(told, where),
    noHost(told, where),
    ifIsEvil(told),
    notForWebSockets(told),
    otherHost(told, where),
    tlsHint(told, where),
    certificates(told, where),
    ...endingHints(told),
  ];
  return all.filter((hint) => hint !== '');
}

/** Of the location, also where an `if` or a limit_except in it holds. */
function matchOf({ trail }: Told, model: Model, level: WatchedLevel): LocationMatch | undefined {
  const last = trail.findLast((event) => event.kind === 'location' && event.depth === 0);
  return (locationAt(model, level.at) ?? locationAt(model, last?.at ?? ''))?.match;
}

/** `location /static/ { root /var/www/static; }` */
function rootTrap(told: Told, { level, model, setAt }: Where): string {
  const root = level.settings.fileRoot;
  const match = matchOf(told, model, level);
  const content = told.trail.findLast((event) => event.kind === 'content');
  if (root === null || root.alias || match === undefined || content?.kind !== 'content') return '';
  const prefix = match.kind === 'regex' || match.kind === 'named' ? '' : match.text.replace(/\/+$/, '');
  const base = root.path.replace(/\/+$/, '');
  if (prefix === '' || !base.endsWith(prefix) || content.file === null) return '';
  const outer = base.slice(0, -prefix.length) || '/';
  return `root puts the whole URI behind it, so ${prefix} stands twice: ${content.file.path}. Write "root ${outer};" or "alias ${base}/;" (${setAt.place(level.at, 'fileRoot')})`;
}

/** `location /img/ { alias /pictures; }` */
function aliasSlash(told: Told, { level, model, setAt }: Where): string {
  const root = level.settings.fileRoot;
  const match = matchOf(told, model, level);
  if (root === null || !root.alias || match === undefined || match.kind === 'regex') return '';
  if (!told.trail.some((event) => event.kind === 'content')) return '';
  const [prefix, path] = [match.text.endsWith('/'), root.path.endsWith('/')];
  if (prefix === path || match.kind === 'exact') return '';
  const what = prefix
    ? `the location ends with a slash and the alias does not: "${root.path}" and the rest grow together`
    : 'the alias ends with a slash and the location does not: names beside it lead into it, too (/img../)';
  return `${what}. Write both with a slash (${setAt.place(level.at, 'fileRoot')})`;
}

/** `location /api/ { proxy_pass http://app; }`: the prefix stays. */
function passSlash(told: Told, { level, model }: Where): string {
  const { ending } = told;
  const match = matchOf(told, model, level);
  if (ending.kind !== 'forward' || ending.forward.family !== 'proxy' || match === undefined) return '';
  const { pass, sent } = ending.forward;
  if (match.kind !== 'prefix' || match.text === '/' || pass.includes('$')) return '';
  const hasUri = /^https?:\/\/(?:unix:[^:]+:|[^/?]*)[/?]/i.test(pass);
  const target = sent.first.split(' ')[1] ?? '';
  if (!hasUri && match.text.endsWith('/'))
    return `the peer gets ${target} with ${match.text} in it; to cut that off, write "proxy_pass ${pass}/;"`;
  const [location, uri] = [match.text.endsWith('/'), pass.endsWith('/')];
  return hasUri && location !== uri
    ? `"${match.text}" and "${pass}" end differently, so the peer gets ${target}: write both with a slash, or neither`
    : '';
}

/** add_header of an inner level takes those of the outer one away. */
function lostHeaders(_told: Told, { level, model, setAt }: Where): string {
  const here = setAt.place(level.at, 'addHeaders');
  const own = level.settings.addHeaders.map(({ name }) => name.toLowerCase());
  const server = model.servers.find((one) => level.at !== one.at && holds(one.locations, level.at));
  if (here === '' || server === undefined || setAt.place(server.at, 'addHeaders') === here) return '';
  const lost = server.settings.addHeaders
    .map(({ name }) => name)
    .filter((name) => !own.includes(name.toLowerCase()));
  if (lost.length === 0) return '';
  return `add_header here (${here}) takes away those of the level around: ${lost.join(', ')}; repeat them, or write "add_header_inherit merge;"`;
}

/** In nginx.conf the app gets the group's name as its Host. */
function noHost({ ending, request }: Told, { level }: Where): string {
  if (ending.kind !== 'forward' || ending.forward.family !== 'proxy') return '';
  const sent = ending.forward.sent.fields.find(({ line }) => /^host:/i.test(line));
  if (sent === undefined || sent.from !== 'lbproxy') return '';
  const proto = level.settings.proxySetHeader.some(([name]) => name.toLowerCase() === 'x-forwarded-proto');
  const more = proto ? '' : ', and "proxy_set_header X-Forwarded-Proto $scheme;" for apps that build links';
  return `the app sees "${sent.line}", not "${request.host}": write "proxy_set_header Host $http_host;"${more}`;
}

function ifIsEvil({ trail }: Told): string {
  const event = trail.find((one) => one.kind === 'if' && one.holds && one.depth === 0);
  const later = trail.some((one) => one.kind === 'step' && one.step === 'try_files');
  return event !== undefined && !later && trail.some((one) => one.kind === 'content')
    ? `the "if" at ${event.at} holds: what it sets takes the place of the location's own, and try_files does not run in it`
    : '';
}

function notForWebSockets({ ending, request }: Told): string {
  if (ending.kind !== 'forward' || ending.forward.websocket || !/^upgrade:/im.test(request.head)) return '';
  return 'the request asks for another protocol and is passed without that: only a GET of HTTP/1.1 for "websocket" is, or what proxy_set_header Upgrade names';
}

/** The URL's host is none of the names there. */
function otherHost({ address, server }: Told, { model }: Where): string {
  if (!server.why.startsWith('no server_name fits')) return '';
  const here = model.servers.filter(({ settings }) =>
    settings.listens.some((one) => listenKey(one) === address.address),
  );
  const names = here
    .flatMap(({ settings }) => settings.serverNames.flat())
    .filter((name) => /^[\w-]+(?:\.[\w-]+)+$/.test(name));
  if (names.length === 0) return '';
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `servers of this address are called ${names.slice(0, MOST_NAMES).join(', ')}${more}: ask for one with -H 'Host: ${names[0]}'`;
}

const MOST_NAMES = 5;

function tlsHint({ address, trail }: Told, { model }: Where): string {
  if (!trail.some((event) => event.kind === 'status' && event.status === 497)) return '';
  const plain = model.servers.some(({ settings }) => settings.listens.some(({ ssl }) => !ssl));
  return `${address.address} speaks TLS: ask https://${plain ? ', or another port' : ''}`;
}

function certificates({ address, server }: Told, { model }: Where): string {
  const verify = model.servers.find(({ at }) => at === server.at)?.settings.sslVerifyClient ?? 'off';
  return address.tls && verify !== 'off'
    ? `ssl_verify_client ${verify}: what becomes of a client without a certificate (495, 496) is not shown here; --send shows it`
    : '';
}

function endingHints({ ending, trail }: Told): string[] {
  if (ending.kind === 'forward') {
    const { order, group, groupAt } = ending.forward;
    return order.length === 1 && groupAt === ''
      ? [`${group} is one server: with an "upstream" of several, another is tried when it fails`]
      : [];
  }
  const content = trail.findLast((event) => event.kind === 'content');
  if (ending.kind === 'answer' && content?.kind === 'content' && content.content === 'cache')
    return ['the answer is a copy that the cache has stored: no peer is asked'];
  if (ending.kind !== 'answer' || ending.answer.status !== 404) return [];
  if (content?.kind !== 'content') return [];
  if (content.file === null)
    return ['there is no root here: files are looked for nowhere, so everything is 404'];
  return content.file.found === 'nothing' ? [`there is no file ${content.file.path}`] : [];
}

const holds = (locations: readonly LocationModel[], at: string): boolean =>
  searchLocation(locations, at) !== undefined;
