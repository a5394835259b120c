// Commands that only a shell could run: Supervisor hands every word to the program as it stands, and so does lbproxy.
import { basename } from 'node:path';
import type { SectionReader } from './context.ts';
import { type Entry, placeOfPiece } from './document.ts';
import type { CommandWord } from './shlex.ts';

const SHELL = /^(?:ba|da|z|k|fi|c)?sh$/;
/** Words of the shell that are no programs. */
const BUILTINS = [
  'exec',
  'cd',
  'source',
  '.',
  'export',
  'set',
  'eval',
  'ulimit',
  'umask',
  'alias',
  'if',
  'for',
  'while',
];
const ASSIGNMENT = /^([A-Za-z_]\w*)=/;
const OPERATOR = /^(?:&&|\|\|?|;|&|\d?>>?(?:&\d|\S*)|<)$/;

/** Warns of what will not work as it was meant. */
export function checkCommand(reader: SectionReader, entry: Entry, words: readonly CommandWord[]): void {
  const [first] = words;
  const warn = (piece: string, message: string): void =>
    reader.cx.report.warn(placeOfPiece(entry, piece), `command of [${reader.section.name}]: ${message}`);
  const broken = entry.parts.slice(0, -1).find((part) => /(?:^|[^\\])(?:\\\\)*\\$/.test(part.text));
  if (broken !== undefined)
    reader.cx.report.warn(
      { ...broken.at, column: broken.at.column + broken.text.length - 1 },
      `command of [${reader.section.name}]: a backslash at the end of a line becomes a part of the command: leave it out, an indented line goes on by itself`,
    );
  const problem = whyNoProgram(first.text);
  if (problem !== null) warn(first.text, problem);
  for (const word of words.slice(1)) {
    const doubt = doubtOf(word, isScript(words));
    if (doubt === undefined) continue;
    warn(doubt.piece, doubt.message);
    break;
  }
}

function isScript(words: readonly CommandWord[]): boolean {
  return SHELL.test(basename(words[0].text)) && words.some(({ text }) => /^-[a-z]*c$/.test(text));
}

function whyNoProgram(word: string): string | null {
  const variable = ASSIGNMENT.exec(word)?.[1];
  if (variable !== undefined)
    return `no shell runs the command, so "${word}" is taken for the program: write environment=${variable}="…" instead`;
  if (!BUILTINS.includes(word)) return null;
  if (word === 'exec') return 'no shell runs the command, and there is no program "exec": leave the word out';
  if (word === 'cd')
    return 'no shell runs the command, and there is no program "cd": write directory= instead';
  return `no shell runs the command, and there is no program "${word}": write bash -c '…' around it`;
}

/** Words in quotes are meant as they are. In `sh -c '…'` the shell has its script, but what stands outside of the quotes is lost. */
function doubtOf(
  word: CommandWord,
  script: boolean,
): { readonly piece: string; readonly message: string } | undefined {
  if (!word.quoted && OPERATOR.test(word.text)) {
    return {
      piece: word.text,
      message: script
        ? `"${word.text}" is outside of the shell's script: put all of the script into one pair of quotes`
        : `no shell runs the command, so "${word.text}" is handed to the program: write bash -c '…' around it`,
    };
  }
  if (script) return undefined;
  const variable = /\$(?:\{[A-Za-z_]\w*\}|[A-Za-z_]\w*|\()|`/.exec(word.open)?.[0];
  if (variable !== undefined) {
    const name = variable.replace(/[${}]/g, '');
    const instead = /^\w+$/.test(name) ? `%(ENV_${name})s` : "bash -c '…' around the command";
    return {
      piece: variable,
      message: `no shell runs the command, so ${variable} stays as it is: write ${instead}`,
    };
  }
  if (word.quoted) return undefined;
  if (word.text.startsWith('~/'))
    return {
      piece: word.text,
      message: `no shell runs the command, so ~ stays as it is: write %(ENV_HOME)s${word.text.slice(1)}`,
    };
  if (/\/\S*\*|^\*\.[a-z]+$/.test(word.text) && !word.text.includes('://'))
    return {
      piece: word.text,
      message: `no shell runs the command, so "${word.text}" is handed over as it stands: write bash -c '…' around it`,
    };
  return undefined;
}
