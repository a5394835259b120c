// Lines that Supervisor reads in silence as something else than was meant: swallowed, cut, unknown or written twice.
import { didYouMean } from '../../config/problem.ts';
import type { IniContext, Report } from './context.ts';
import type { Entry, IniDocument, Section } from './document.ts';
import { keysOf, sectionMeant, sectionWith } from './keys.ts';
import { shortOf } from './parse.ts';

export function checkLines({ document, report }: Pick<IniContext, 'document' | 'report'>): void {
  for (const section of document.sections.values()) {
    const keys = keysOf(section.name);
    if (keys === undefined) unknownSection(document, section, report);
    for (const entry of section.entries.values()) {
      if (Array.isArray(keys) && !keys.includes(entry.key)) unknownKey(section, entry, keys, report);
      checkSwallowed(section, entry, keys ?? [], report);
      if (QUOTED_KEYS.includes(entry.key)) checkCut(entry, report);
    }
  }
}

/** A second value for a key in one section of one file: the first is lost. */
export function checkRepeated(report: Report, section: Section, before: Entry, now: Entry): void {
  if (before.value === now.value || keysOf(section.name) === undefined) return;
  // Below a header without its ] the lines are those of another section, which is said there.
  const isHeadless = [...section.entries.keys()].some((key) => key.startsWith('['));
  if (isHeadless) return;
  report.warn(
    now.at,
    `${now.key} is written twice in [${section.name}], and only this one counts: remove the one in line ${before.at.line}`,
  );
}

function unknownSection(document: IniDocument, section: Section, report: Report): void {
  const near = sectionMeant(section.name, document.get(section, 'command') !== undefined);
  const isCase = near?.toLowerCase() === section.name.toLowerCase();
  const hint =
    near === undefined ? '' : `; did you mean [${near}]?${isCase ? ' Upper and lower case count.' : ''}`;
  report.warn(section.at, `[${section.name}] is no section of Supervisor and is ignored${hint}`);
}

function unknownKey(section: Section, entry: Entry, keys: readonly string[], report: Report): void {
  const say = (why: string): void => report.warn(entry.at, why);
  if (entry.key.startsWith('[')) {
    const header = `${entry.key}:${entry.value}`;
    say(
      `the ] of "${shortOf(header)}" is missing, so it is no section and the lines below belong to [${section.name}]: write ${shortOf(header)}]`,
    );
    return;
  }
  const owner = sectionWith(entry.key);
  const meant = MEANT[entry.key];
  const near = meant !== undefined && keys.includes(meant) ? meant : didYouMean(entry.key, keys);
  if (entry.key === 'group')
    say(`"group" is no key of [${section.name}] and is ignored: a program has the groups of its user`);
  else if (owner !== undefined)
    report.tally(
      entry.at,
      `${entry.key} is a key of [${owner}] and has no effect in [${kindOf(section)}]: remove the line`,
    );
  else if (near !== undefined)
    say(`"${entry.key}" is no key of [${section.name}] and is ignored; did you mean ${near}?`);
  else
    say(
      `"${entry.key}" is no key that Supervisor knows in [${section.name}] and is ignored: remove the line`,
    );
}

/** Its header with any name. */
function kindOf({ name }: Section): string {
  return name.replace(/:.*$/s, ':x');
}

/** What other tools call it. */
const MEANT: Readonly<Record<string, string>> = {
  cmd: 'command',
  cwd: 'directory',
  chdir: 'directory',
  workdir: 'directory',
  working_directory: 'directory',
  env: 'environment',
  restart: 'autorestart',
  processes: 'numprocs',
};

/** An indented line goes on with the value before, also when it looks like a key or a header. */
function checkSwallowed(section: Section, entry: Entry, keys: readonly string[], report: Report): void {
  for (const [i, part] of entry.parts.entries()) {
    if (i === 0 || part.text === '') continue;
    const key = /^([a-z_]+)\s*[=:]/.exec(part.text)?.[1];
    const isHeader = /^\[[^\s\]]+\]$/.test(part.text) && keysOf(part.text.slice(1, -1)) !== undefined;
    const isKey = key !== undefined && keys.includes(key) && !isListed(entry, i);
    if (!isHeader && !isKey) continue;
    report.warn(
      part.at,
      `this line is indented, so it goes on with the value of ${entry.key} in [${section.name}]: begin it further left, like ${entry.key}`,
    );
  }
}

/** In a list over several lines: `environment=A="1",` and below `user="x"`. */
function isListed(entry: Entry, i: number): boolean {
  const before = entry.parts.slice(0, i).findLast((part) => part.text !== '');
  return (
    entry.key === 'environment' && (before === undefined || before.text === '' || /[,;]$/.test(before.text))
  );
}

const QUOTED_KEYS: readonly string[] = ['command', 'environment'];

/** A comment that begins inside quotes. */
function checkCut(entry: Entry, report: Report): void {
  let open = '';
  for (const part of entry.parts) {
    open = quoteAfter(part.text, open);
    if (open !== '' && part.cut?.text.includes(open)) {
      const mark = part.cut.text[0];
      report.warn(
        part.cut.at,
        `" ${mark}" begins a comment even inside quotes, so "${shortOf(part.cut.text)}" is lost: write it without the blank before ${mark}, or put the command into a script`,
      );
      return;
    }
  }
}

/** The quote that is open at the end of a text; '' for none. */
function quoteAfter(text: string, before: string): string {
  let open = before;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\' && open !== "'") i++;
    else if (open === '' && (c === '"' || c === "'")) open = c;
    else if (c === open) open = '';
  }
  return open;
}
