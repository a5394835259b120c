// nginx's command line to the letter (ngx_get_options): flags may stand together, values behind them or in the next word.

export interface NginxArgs {
  readonly help: boolean;
  readonly version: boolean;
  readonly build: boolean;
  readonly test: boolean;
  readonly dump: boolean;
  readonly quiet: boolean;
  /** Of lbproxy: directives that are not supported yet are warned of. */
  readonly allowUnsupported: boolean;
  readonly prefix?: string;
  readonly errorLog?: string;
  readonly config?: string;
  readonly directives?: string;
  readonly signal?: NginxSignal;
}

export type NginxSignal = 'stop' | 'quit' | 'reopen' | 'reload';

const SIGNALS: readonly string[] = ['stop', 'quit', 'reopen', 'reload'] satisfies NginxSignal[];

const FLAGS: Readonly<Record<string, Partial<NginxArgs>>> = {
  '?': { help: true, version: true },
  h: { help: true, version: true },
  v: { version: true },
  V: { version: true, build: true },
  t: { test: true },
  T: { test: true, dump: true },
  q: { quiet: true },
};

const VALUES: Readonly<Record<string, readonly [key: keyof NginxArgs, wants: string]>> = {
  p: ['prefix', 'directory name'],
  e: ['errorLog', 'file name'],
  c: ['config', 'file name'],
  g: ['directives', 'parameter'],
  s: ['signal', 'parameter'],
};

const NONE: NginxArgs = {
  help: false,
  version: false,
  build: false,
  test: false,
  dump: false,
  quiet: false,
  allowUnsupported: false,
};

/** What the words say, or nginx's complaint about them. */
export function readArgs(words: readonly string[]): NginxArgs | string {
  let read = NONE;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--as-nginx') continue;
    if (word === '--allow-unsupported') {
      read = { ...read, allowUnsupported: true };
      continue;
    }
    if (!word.startsWith('-')) return `invalid option: "${word}"`;
    const taken = readWord(word.slice(1), words[i + 1]);
    if (typeof taken === 'string') return taken;
    read = { ...read, ...taken.args };
    if (taken.tookNext) i++;
  }
  return read;
}

interface Taken {
  readonly args: Partial<NginxArgs>;
  readonly tookNext: boolean;
}

function readWord(letters: string, next: string | undefined): Taken | string {
  let args: Partial<NginxArgs> = {};
  for (const [i, letter] of [...letters].entries()) {
    if (Object.hasOwn(FLAGS, letter)) {
      args = { ...args, ...FLAGS[letter] };
      continue;
    }
    if (!Object.hasOwn(VALUES, letter)) return `invalid option: "${letter}"`;
    const [key, wants] = VALUES[letter];
    const rest = [...letters].slice(i + 1).join('');
    const value = rest === '' ? next : rest;
    if (value === undefined) return `option "-${letter}" requires ${wants}`;
    if (key === 'signal' && !SIGNALS.includes(value)) return `invalid option: "-s ${value}"`;
    return { args: { ...args, [key]: value }, tookNext: rest === '' };
  }
  return { args, tookNext: false };
}
