// Rows of virtual servers, locations and the rewrite module. The blocks and scripts get their meaning in config/build.ts.
import {
  type Context,
  choice,
  HTTP_LEVELS,
  ignored,
  list,
  type ReadContext,
  type Row,
  type StructureRow,
  setting,
  time,
} from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { parseCount, parseTime } from '../config/units.ts';
import { ignoresCase } from './pattern.ts';

/** `redirect https`: where a plain listener sends its clients. */
export interface RedirectModel {
  readonly status: number;
  /** 0 = the port of the TLS listener of the same configuration. */
  readonly port: number;
}

/** Name servers, and what they are asked for. */
export interface ResolverModel {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** How long answers hold; 0 = as they say themselves. */
  readonly validMs: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

declare module '../config/model.ts' {
  interface Settings {
    readonly serverNames: readonly (readonly string[])[];
    readonly redirectHttps: RedirectModel | null;
    readonly satisfy: 'all' | 'any';
    readonly authDelayMs: number;
    /** null = the system is asked. */
    readonly resolver: ResolverModel | null;
    readonly resolverTimeoutMs: number;
  }
}

export const routeDefaults = {
  serverNames: [],
  redirectHttps: null,
  satisfy: 'all',
  authDelayMs: 0,
  resolver: null,
  resolverTimeoutMs: 30_000,
} as const;

const SCRIPT: readonly Context[] = ['server', 'location', 'if in server', 'if in location'];

function readResolver(words: readonly Word[], cx: ReadContext): ResolverModel | undefined {
  const model = { servers: [] as { host: string; port: number }[], validMs: 0, ipv4: true, ipv6: true };
  for (const { text, at } of words) {
    const [, name, value] = /^(valid|ipv4|ipv6|status_zone)=(.*)$/.exec(text) ?? ['', '', text];
    if (name === 'status_zone') continue;
    if (name === 'valid') {
      model.validMs = parseTime(value) ?? -1;
      if (model.validMs < 0) return cx.problems.error(at, `"${text}" is not valid=time`);
    } else if (name === 'ipv4' || name === 'ipv6') {
      if (value !== 'on' && value !== 'off') return cx.problems.error(at, `"${text}" is neither on nor off`);
      model[name] = value === 'on';
    } else {
      const m = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(value);
      const port = Number(m?.[3] ?? 53);
      if (m === null || port < 1 || port > 65_535)
        return cx.problems.error(at, `"${text}" is no name server; write an address such as 127.0.0.53`);
      model.servers.push({ host: m[1] ?? m[2], port });
    }
  }
  if (!model.ipv4 && !model.ipv6)
    return cx.problems.error(words[0].at, '"ipv4" and "ipv6" cannot both be "off"');
  if (model.servers.length > 0) return model;
  return cx.problems.error(words[0].at, 'no name servers defined; write resolver 127.0.0.53');
}

function block(
  name: string,
  contexts: readonly Context[],
  opens: Context,
  more: Partial<StructureRow>,
): StructureRow {
  return { kind: 'structure', name, contexts, opens, args: [0, 0], syntax: '{ … }', doc: '', ...more };
}

export const routeRows: readonly Row[] = [
  block('http', ['main'], 'http', { doc: 'Everything about HTTP. In JSON the top level itself.' }),
  block('server', ['http'], 'server', { aliases: ['servers'], doc: 'A virtual server.' }),
  block('upstream', ['http'], 'upstream', {
    aliases: ['upstreams'],
    args: [1, 1],
    syntax: 'name { … }',
    doc: 'A group of peers that proxy_pass can name.',
  }),
  block('location', ['server', 'location'], 'location', {
    aliases: ['locations'],
    args: [1, 2],
    syntax: '[ = | ~ | ~* | ^~ ] uri { … }',
    doc: 'What happens to the requests whose path matches.',
  }),
  block('types', HTTP_LEVELS, 'types', { doc: 'MIME type of file name extensions.' }),
  {
    kind: 'structure',
    name: 'if',
    contexts: ['server', 'location'],
    opens: 'if in location',
    args: [1, 8],
    syntax: '(condition) { … }',
    doc: 'Settings and rewrites under a condition.',
  },
  block('limit_except', ['location'], 'limit_except', {
    args: [1, 14],
    syntax: 'method … { … }',
    doc: 'Settings for all methods but these (GET includes HEAD): allow, deny, auth_basic, proxy_pass, access_log. The rewrites of the location do not run for them.',
  }),
  time('authDelayMs', {
    name: 'auth_delay',
    contexts: HTTP_LEVELS,
    default: '0s',
    doc: 'How long a 401 of auth_basic or auth_request waits, so that passwords are not guessed fast.',
  }),
  choice('satisfy', ['all', 'any'], {
    name: 'satisfy',
    contexts: HTTP_LEVELS,
    default: 'all',
    doc: 'Whether allow and deny, auth_basic and auth_request must all let a client in, or one of them is enough.',
  }),
  {
    kind: 'structure',
    name: 'rewrite',
    contexts: SCRIPT,
    args: [2, 3],
    syntax: 'regex replacement [last | break | redirect | permanent]',
    doc: 'Changes the path, or redirects.',
  },
  {
    kind: 'structure',
    name: 'return',
    contexts: SCRIPT,
    args: [1, 2],
    syntax: 'code [text] | code URL | URL',
    doc: 'Ends the request with this answer.',
  },
  {
    kind: 'structure',
    name: 'set',
    contexts: SCRIPT,
    args: [2, 2],
    syntax: '$variable value',
    doc: 'Sets a variable.',
  },
  {
    kind: 'structure',
    name: 'break',
    contexts: SCRIPT,
    args: [0, 0],
    syntax: '',
    doc: 'Ends the rewrites of this place.',
  },
  list('serverNames', {
    name: 'server_name',
    contexts: ['server'],
    args: [1, 1000],
    syntax: 'name …',
    doc: 'Host names of the server: exact, *.example.org, .example.org, www.example.*, ~regex.',
    read: readNames,
  }),
  setting('redirectHttps', {
    name: 'redirect',
    contexts: ['server'],
    args: [1, 3],
    syntax: 'https [301 | 302 | 303 | 307 | 308] [port=n]',
    inherit: false,
    doc: 'Sends every request to the same host and URI over https (302 unless said otherwise).',
    read: readRedirect,
  }),
  setting('resolver', {
    name: 'resolver',
    contexts: [...HTTP_LEVELS, 'upstream'],
    args: [1, 20],
    syntax: 'address[:port] … [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]',
    doc: 'Name servers that are asked for the hosts of variables in proxy_pass, and of servers with `resolve`; without it the system is. valid= is how long answers hold, whatever they say.',
    read: readResolver,
  }),
  time('resolverTimeoutMs', {
    name: 'resolver_timeout',
    contexts: HTTP_LEVELS,
    default: '30s',
    doc: 'Time for the look-up of a host name that variables of proxy_pass give; beyond, 502.',
  }),
  ...[
    'server_names_hash_max_size',
    'server_names_hash_bucket_size',
    'variables_hash_max_size',
    'types_hash_max_size',
  ]
    .concat(['variables_hash_bucket_size', 'types_hash_bucket_size', 'proxy_headers_hash_max_size'])
    .concat(['proxy_headers_hash_bucket_size', 'map_hash_max_size', 'map_hash_bucket_size'])
    .map((name) => ignored(name, HTTP_LEVELS, 'tables grow by themselves', { args: [1, 1] })),
];

function readNames(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  for (const word of words) {
    if (word.text.startsWith('~')) {
      const pattern = word.text.slice(1);
      if (!cx.pattern(word, pattern, ignoresCase(pattern))) return undefined;
    } else if (/[/ ]/.test(word.text)) {
      const host = word.text.replace(/^\w+:\/\//, '').replace(/[/ ].*$/s, '');
      const what = `"${word.text}" is no server name, which is a host alone`;
      return cx.problems.error(word.at, host === '' ? what : `${what}; write ${host}`);
    } else if (word.text.includes(',') || /^[^:]+:\d+$/.test(word.text)) {
      warnOfName(word, cx);
    } else if (/^.+\*.+$|\*\*/.test(word.text)) {
      return cx.problems.error(
        word.at,
        `invalid server name "${word.text}": a * stands only first (*.name) or last (name.*)`,
      );
    }
  }
  return words.map((word) => word.text);
}

/** nginx takes them too, and no Host is like them. */
function warnOfName({ text, at }: Word, cx: ReadContext): void {
  const names = text.split(',').filter((name) => name !== '');
  const [why, form] = text.includes(',')
    ? ['names stand without commas', names.join(' ')]
    : ['a server name has no port', text.replace(/:\d+$/, '')];
  cx.problems.warn(at, `"${text}" matches no request: ${why}; write ${form}`);
}

function readRedirect(words: readonly Word[], cx: ReadContext): RedirectModel | undefined {
  if (words[0].text !== 'https') {
    return cx.problems.error(
      words[0].at,
      '"redirect" goes to "https"; for anything else use "return 302 URL"',
    );
  }
  let status = 302;
  let port = 0;
  for (const word of words.slice(1)) {
    const code = parseCount(word.text, 301, 308);
    const number = parseCount(word.text.replace(/^port=/, ''), 1, 65_535);
    if (word.text.startsWith('port=') && number !== undefined) port = number;
    else if (code !== undefined && [301, 302, 303, 307, 308].includes(code)) status = code;
    else return cx.problems.error(word.at, `"${word.text}" is neither 301, 302, 303, 307, 308 nor port=n`);
  }
  return { status, port };
}
