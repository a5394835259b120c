// The interactive shell: status first, then one line after the other until Ctrl-D, Ctrl-C, quit or exit.
import { readFileSync, writeFileSync } from 'node:fs';
import { COMMANDS, runLine } from './commands/table.ts';
import type { CompleteLine, Lines } from './lines.ts';
import { makeNamespec } from './namespec.ts';
import type { Session } from './session.ts';
import type { ProcessInfo } from './xmlrpc-client.ts';

export interface ShellOptions {
  readonly prompt: string;
  readonly historyFile: string | null;
}

export async function runShell(session: Session, lines: Lines, options: ShellOptions): Promise<void> {
  const { prompt, historyFile } = options;
  if (historyFile !== null) lines.history = readHistory(historyFile);
  await runLine(session, 'status');
  while (!session.left) {
    const line = await lines.ask(`${prompt}> `, false);
    if (line === null) {
      session.output('');
      break;
    }
    await runLine(session, line);
  }
  if (historyFile !== null) writeHistory(historyFile, lines.history);
}

function readHistory(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .reverse();
  } catch {
    // It is made at the end.
    return [];
  }
}

function writeHistory(file: string, history: readonly string[]): void {
  try {
    writeFileSync(
      file,
      history
        .map((line) => `${line}\n`)
        .toReversed()
        .join(''),
      { mode: 0o600 },
    );
  } catch {
    // A history is no reason to fail.
  }
}

/** What Tab offers: actions, groups and processes, each with a blank behind. */
export function completions(session: () => Session): CompleteLine {
  return async (line) => {
    const words = line.trimStart().split(/\s+/u);
    const word = words.at(-1) ?? '';
    const starting = (names: readonly string[]): string[] =>
      names.filter((name) => name.startsWith(word)).map((name) => `${name} `);
    if (words.length <= 1) return [starting([...COMMANDS.keys()]), word];
    const completes = COMMANDS.get(words[0])?.completes ?? 'nothing';
    if (completes === 'actions') return [starting([...COMMANDS.keys()]), word];
    if (completes === 'nothing') return [[], word];
    const infos = await session().call('getAllProcessInfo');
    return [starting(completes === 'groups' ? groupsOf(infos) : processesOf(infos, word)), word];
  };
}

const groupsOf = (infos: readonly ProcessInfo[]): string[] => [...new Set(infos.map(({ group }) => group))];

/** A process that bears the name of its group is offered by that; with a colon typed, by both. */
function processesOf(infos: readonly ProcessInfo[], word: string): string[] {
  const names = infos.flatMap(({ group, name }) =>
    word.includes(':') || name !== group ? [`${group}:${name}`, `${group}:*`] : [makeNamespec(group, name)],
  );
  return [...new Set(names)];
}
