// `syslog:server=…,facility=…,severity=…,tag=…,nohostname` of error_log and access_log (ngx_syslog_parse_args). Pure.

export interface SyslogTarget {
  readonly server: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly facility: number;
  readonly severity: number;
  readonly tag: string;
  readonly hostname: boolean;
}

const FACILITIES =
  'kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );
const SEVERITIES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

const DEFAULT_PORT = 514;
const LOCAL7 = 23;
const INFO = 6;

export function isSyslog(path: string): boolean {
  return path.startsWith('syslog:');
}

/** What the text says, or what is wrong with it. */
export function parseSyslog(text: string): SyslogTarget | string {
  const seen = new Map<string, string>();
  for (const parameter of text.slice('syslog:'.length).split(',')) {
    const [, name, value] = /^(server=|facility=|severity=|tag=)(.*)$/s.exec(parameter) ?? [
      '',
      parameter,
      '',
    ];
    const key = name.replace('=', '');
    if (!KEYS.has(name)) return `unknown syslog parameter "${parameter}"`;
    if (seen.has(key) && key !== 'nohostname') return `duplicate syslog "${key}"`;
    seen.set(key, value);
  }
  const facility = indexIn(FACILITIES, seen.get('facility'), LOCAL7);
  if (facility < 0) return `unknown syslog facility "${seen.get('facility')}"`;
  const severity = indexIn(SEVERITIES, seen.get('severity'), INFO);
  if (severity < 0) return `unknown syslog severity "${seen.get('severity')}"`;
  const tag = seen.get('tag') ?? 'nginx';
  if (tag.length > 32) return 'syslog tag length exceeds 32';
  if (!/^\w*$/.test(tag)) return 'syslog "tag" only allows alphanumeric characters and underscore';
  const server = serverOf(seen.get('server'));
  if (typeof server === 'string') return server;
  return { server, facility, severity, tag, hostname: !seen.has('nohostname') };
}

const KEYS: ReadonlySet<string> = new Set(['server=', 'facility=', 'severity=', 'tag=', 'nohostname']);

function indexIn(words: readonly string[], word: string | undefined, otherwise: number): number {
  return word === undefined ? otherwise : words.indexOf(word);
}

function serverOf(text: string | undefined): SyslogTarget['server'] | string {
  if (text === undefined || text === '') return 'no syslog server specified';
  if (text === 'unix:') return `no path in the unix domain socket in syslog server "${text}"`;
  if (text.startsWith('unix:')) return { path: text.slice(5) };
  const [, six, host, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const name = six ?? host ?? '';
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (name === '') return `no host in syslog server "${text}"`;
  if (number < 1 || number > 65_535) return `invalid port in syslog server "${text}"`;
  return { host: name, port: number };
}
