// [supervisorctl] of a supervisord.conf: where its server listens, and who asks. Read as supervisorctl reads it, without includes.
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { IniDocument, type Section } from '../../supervise/ini/document.ts';
import { parseIni } from '../../supervise/ini/parse.ts';
import { percentFormat } from '../../supervise/ini/percent.ts';
import { withUnixLines } from '../../supervise/ini/py-text.ts';
import { BadConfiguration } from './bad-configuration.ts';

export interface ClientSection {
  /** null where the file names no server. */
  readonly url: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly prompt: string | null;
  readonly historyFile: string | null;
}

const DEFAULT_URL = 'http://localhost:9001';

/** `file` is absolute. */
export function readClientSection(text: string, file: string): ClientSection {
  const document = new IniDocument();
  let problem: string | undefined;
  const refuse = (at: { line: number; column: number }, message: string): void => {
    problem ??= `${file}:${at.line}:${at.column}: ${message}`;
  };
  parseIni(withUnixLines(text), file, document, {
    problems: { error: refuse, warn: () => {}, tally: () => {} },
    notes: { repeated: () => {} },
  });
  if (problem !== undefined) throw new BadConfiguration(problem);
  const section = document.sections.get('supervisorctl');
  if (section === undefined) return serverSections(document, file);
  const reader = new Values(document, section, file);
  const url = reader.value('serverurl', true) ?? DEFAULT_URL;
  const history = reader.value('history_file', true);
  return {
    url: url.startsWith('unix://') ? `unix://${pathOf(url.slice('unix://'.length))}` : url,
    username: reader.value('username'),
    password: reader.value('password'),
    prompt: reader.value('prompt'),
    historyFile: history === null || history === '' ? null : pathOf(history),
  };
}

/** supervisorctl refuses such a file; where its server listens says the file nevertheless. */
function serverSections(document: IniDocument, file: string): ClientSection {
  const unix = document.sections.get('unix_http_server');
  const inet = document.sections.get('inet_http_server');
  const section = unix ?? inet;
  const none = { url: null, username: null, password: null, prompt: null, historyFile: null };
  if (section === undefined) return none;
  const reader = new Values(document, section, file);
  const login = { username: reader.value('username'), password: reader.value('password') };
  if (unix !== undefined) {
    const path = reader.value('file', true);
    return path === null ? none : { ...none, ...login, url: `unix://${pathOf(path)}` };
  }
  const port = reader.value('port');
  return port === null ? none : { ...none, ...login, url: `http://${hostAndPort(port)}` };
}

/** `9001`, `*:9001`, `:9001` and `host:9001`. */
function hostAndPort(port: string): string {
  const colon = port.lastIndexOf(':');
  const host = colon < 0 ? '' : port.slice(0, colon);
  return `${host === '' || host === '*' ? 'localhost' : host}:${port.slice(colon + 1)}`;
}

class Values {
  readonly #document: IniDocument;
  readonly #section: Section;
  readonly #file: string;

  constructor(document: IniDocument, section: Section, file: string) {
    this.#document = document;
    this.#section = section;
    this.#file = file;
  }

  /** Expanded; `here` only where Supervisor knows it. */
  value(key: string, here = false): string | null {
    const entry = this.#document.get(this.#section, key);
    if (entry === undefined) return null;
    const expanded = percentFormat(entry.value, {
      get: (name) => {
        if (name === 'here' && here) return dirname(this.#file);
        return name.startsWith('ENV_') ? process.env[name.slice('ENV_'.length)] : undefined;
      },
    });
    if ('text' in expanded) return expanded.text;
    const { line, column } = entry.at;
    throw new BadConfiguration(
      `${this.#file}:${line}:${column}: ${this.#section.name}.${key}: ${expanded.problem}`,
    );
  }
}

/** normalize_path: `~` is the home directory, and what is relative starts here. */
function pathOf(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, () => process.env.HOME ?? homedir()));
}
