// A tree of nginx syntax as the directives that mean the same in JSON, where the main and the http level are one. What only nginx has by
// default is written out.
import { rowsNamed } from './registry.ts';
import type { Directive, Position } from './tree.ts';

/** `report` hears of what means something else there: the error log of http. */
export function asJson(
  nginx: readonly Directive[],
  report: (at: Position, message: string) => void,
): readonly Directive[] {
  const directives = withHttpLogs(nginx, report);
  const says = directives.some((each) => isWish(each) || (each.name === 'http' && each.block?.some(isWish)));
  const places = ({ name }: Directive) => rowsNamed(name).flatMap((row) => row.contexts);
  let told = says;
  const flat = directives.flatMap((directive): readonly Directive[] => {
    const { name, block = [], at, comments = [] } = directive;
    const isHttp = name === 'http';
    // Texts that leave http out are understood, too.
    if (!isHttp && (places(directive).includes('main') || !places(directive).includes('http')))
      return [directive];
    const first: Directive[] = told ? [] : [{ name: WISH, args: [{ text: 'off', at }], at }];
    told = true;
    return isHttp
      ? withFirst([...first, ...block], comments)
      : withFirst([...first, { ...directive, comments: [] }], comments);
  });
  return flat.map(withLogFormat);
}

/** The fields that JSON sends of itself, nginx does not. */
const WISH = 'forwarded_headers';
const isWish = ({ name }: Directive): boolean => name === WISH;

/** The comments of a block that is none any more stand in front of what was in it. */
function withFirst(block: readonly Directive[], comments: readonly string[]): readonly Directive[] {
  const [first, ...rest] = block;
  if (first === undefined || comments.length === 0) return block;
  return [{ ...first, comments: [...comments, ...(first.comments ?? [])] }, ...rest];
}

const isLog = ({ name }: Directive): boolean => name === 'error_log';

/** Whether `asJson` has error logs of http to move. */
export function hasHttpLogs(directives: readonly Directive[]): boolean {
  return directives.some(({ name, block }) => name === 'http' && block?.some(isLog));
}

/**
 * Where the process has none of its own, those of http become its own, too, as JSON has one level for both; else each server gets them
 * that has none.
 */
function withHttpLogs(
  directives: readonly Directive[],
  report: (at: Position, message: string) => void,
): readonly Directive[] {
  if (!hasHttpLogs(directives)) return directives;
  const isAlone = !directives.some(isLog);
  return directives.map((directive) => {
    const { name, block = [] } = directive;
    const logs = name === 'http' ? block.filter(isLog) : [];
    const [first] = logs;
    if (first === undefined) return directive;
    const what = isAlone ? 'is that of the whole process, too' : 'stands in each server';
    report(first.at, `"error_log" of http ${what}: JSON has one level for http and the process`);
    if (isAlone) return directive;
    const rest = block.filter((each) => !isLog(each));
    return {
      ...directive,
      block: rest.map((each) => (each.name === 'server' ? withLogs(each, logs) : each)),
    };
  });
}

function withLogs(server: Directive, logs: readonly Directive[]): Directive {
  const { block = [] } = server;
  return block.some(isLog) ? server : { ...server, block: [...logs, ...block] };
}

/** JSON's logs are JSON unless they say otherwise. */
function withLogFormat(directive: Directive): Directive {
  const { name, args, block } = directive;
  if (block !== undefined) return { ...directive, block: block.map(withLogFormat) };
  if (name !== 'access_log' || args.length !== 1 || args[0].text === 'off') return directive;
  return { ...directive, args: [args[0], { text: 'combined', at: args[0].at }] };
}
