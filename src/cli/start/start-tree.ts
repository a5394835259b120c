// A one-line command as the configuration that it stands for: the directives of a JSON file, which can be printed in either syntax.
import { resolve } from 'node:path';
import type { Directive, Position, Tree } from '../../config/tree.ts';
import { LOCAL } from '../../local-ca/names.ts';
import type { Front, StartWish, Target } from './wish.ts';

/** What was chosen for what nobody named. */
export interface Choice {
  readonly fronts: readonly Front[];
  /** Port of the first process. */
  readonly firstPort: number;
  /** Addresses of the IPv6 family can be listened on. */
  readonly hasIpv6: boolean;
  readonly cwd: string;
}

const AT: Position = { file: '(command line)', line: 1, column: 1 };

export function directive(name: string, args: readonly string[], block?: readonly Directive[]): Directive {
  const words = args.map((text) => ({ text, at: AT }));
  return { name, args: words, at: AT, ...(block === undefined ? {} : { block }) };
}

export function startTree(wish: StartWish, choice: Choice): Tree {
  const directives = [...besides(wish, choice), server(wish, choice)];
  return { syntax: 'json', file: resolve(choice.cwd, 'upstreams.json'), directives, sources: new Map() };
}

/** Programs and upstreams. */
function besides(wish: StartWish, { firstPort }: Choice): Directive[] {
  if (wish.kind === 'run') {
    const block = [
      directive('command', wish.command.map(literally)),
      directive('numprocs', [String(wish.processes)]),
      directive('first_port', [String(firstPort)]),
    ];
    return [
      directive('program', ['app'], block),
      directive('upstream', ['app'], [directive('program', ['app'])]),
    ];
  }
  if (wish.kind === 'files' || wish.targets.length === 1) return [];
  return [
    directive(
      'upstream',
      ['app'],
      wish.targets.map(({ address }) => directive('server', [address])),
    ),
  ];
}

/** Supervisor's forms, as %(ENV_X)s, are none on a command line. */
const literally = (word: string): string => word.replaceAll('%', '%%');

function server(wish: StartWish, choice: Choice): Directive {
  const { fronts } = choice;
  const names = [...new Set(fronts.map(({ name }) => name).filter((name) => name !== ''))];
  const secure = fronts.some((front) => front.secure);
  return directive(
    'server',
    [],
    [
      ...fronts.flatMap((front) => listens(front, choice)),
      ...(names.length === 0 ? [] : [directive('server_name', names)]),
      ...(secure ? [directive('ssl_certificate', [LOCAL])] : []),
      ...content(wish, choice),
    ],
  );
}

function listens({ host, port, secure }: Front, { hasIpv6 }: Choice): Directive[] {
  const hosts =
    host === 'localhost'
      ? hasIpv6
        ? ['127.0.0.1:', '[::1]:']
        : ['127.0.0.1:']
      : host === ''
        ? hasIpv6
          ? ['', '[::]:']
          : ['']
        : [`${host}:`];
  return hosts.map((each) => directive('listen', [`${each}${port}`, ...(secure ? ['ssl'] : [])]));
}

function content(wish: StartWish, { cwd }: Choice): Directive[] {
  switch (wish.kind) {
    case 'files':
      return files(resolve(cwd, wish.directory), wish.spa);
    case 'run':
      return [LARGE_BODIES, location('http://app')];
    default:
      return [LARGE_BODIES, location(urlOf(wish.targets))];
  }
}

/** nginx's limit of 1 MB, which says nothing of the app behind, would be the first thing that an upload meets. */
const LARGE_BODIES = directive('client_max_body_size', ['1g']);

const location = (url: string): Directive => directive('location', ['/'], [directive('proxy_pass', [url])]);

function urlOf([first, ...more]: readonly Target[]): string {
  const scheme = first.secure ? 'https' : 'http';
  if (more.length > 0) return `${scheme}://app`;
  const { address, path } = first;
  return address.startsWith('unix:')
    ? `http://${address}${path === '' ? '' : `:${path}`}`
    : `${scheme}://${address}${path}`;
}

function files(root: string, spa: boolean): Directive[] {
  const found = spa ? directive('try_files', ['$uri', '/index.html']) : directive('autoindex', ['on']);
  return [
    directive('root', [root]),
    directive('location', ['/'], [found]),
    // Names that begin with a dot are meant to be seen by nobody: .git, .env.
    directive('location', ['~', '/\\.(?!well-known/)'], [directive('return', ['404'])]),
  ];
}
