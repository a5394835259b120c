// Problems as nginx tells them: warnings, and the first error, after which nginx reads no further.
import type { PrepareProblem } from '../../cluster/messages.ts';
import { positionOf } from '../../config/places.ts';
import { inOrder, type Problem } from '../../config/problem.ts';
import type { Position } from '../../config/tree.ts';
import { nginxLine } from '../../observe/nginx-line.ts';
import { appendToLog } from './first-log.ts';

type Level = 'warn' | 'error' | 'alert' | 'emerg';

interface Told {
  readonly level: Level;
  readonly text: string;
}

/** `[emerg] unknown directive "x" in /etc/nginx/nginx.conf:3` */
export function nginxProblems(problems: readonly Problem[]): Told[] {
  const told: Told[] = [];
  for (const { severity, at, message, plain } of asFound(problems)) {
    const text = `${plain ?? message}${placeOf(at, plain)}`;
    told.push({ level: severity === 'error' ? 'emerg' : 'warn', text });
    if (severity === 'error') break;
  }
  return told;
}

/** nginx looks at names once all has been read: variables first. */
function asFound(problems: readonly Problem[]): readonly Problem[] {
  const found = inOrder(problems);
  const late = [/^unknown ".*" variable$/, /^conflicting server name /];
  const stage = ({ plain = '' }: Problem): number => late.findIndex((form) => form.test(plain));
  return [-1, 0, 1].flatMap((each) => found.filter((problem) => stage(problem) === each));
}

/** Some of its complaints come before or behind the reading, and without a place. */
function isPlaceless(plain: string, file: string): boolean {
  return (
    /^unknown ".*" variable$|^conflicting server name /.test(plain) || plain.startsWith(`open() "${file}"`)
  );
}

/** nginx stands where a directive ends when it finds fault with it. */
function placeOf({ file, line, endLine }: Position, plain: string | undefined): string {
  if (plain !== undefined && isPlaceless(plain, file)) return '';
  return file === '(-g)' ? ' in command line' : ` in ${file}:${endLine ?? line}`;
}

/** Of a start: the one that stopped it. */
export function nginxRefusal(problems: readonly PrepareProblem[]): Told[] {
  const [first] = problems;
  if (first === undefined) return [];
  const { file, line } = positionOf(first.at);
  const place = first.at === '' || first.plain !== undefined ? '' : ` in ${file}:${line}`;
  return [{ level: 'emerg', text: `${first.plain ?? first.message}${place}` }];
}

/** On stderr, and in the log that is used until the configuration names one. */
export function tell(told: readonly Told[], firstLog: string): void {
  for (const { level, text } of told) {
    // A log that is the terminal gets the line once, in its own form.
    if (firstLog === 'stderr') process.stderr.write(nginxLine(level, text));
    else {
      appendToLog(firstLog, nginxLine(level, text));
      process.stderr.write(`nginx: [${level}] ${text}\n`);
    }
  }
}
