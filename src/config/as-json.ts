// A tree of nginx syntax as the directives that mean the same in JSON, where the main and the http level are one. What only nginx has by
// default is written out.
import { rowsNamed } from './registry.ts';
import type { Directive, Position } from './tree.ts';

/** `report` hears of what means something else there. */
export function asJson(
  directives: readonly Directive[],
  report: (at: Position, message: string) => void,
): readonly Directive[] {
  const says = directives.some((each) => isWish(each) || (each.name === 'http' && each.block?.some(isWish)));
  const places = ({ name }: Directive) => rowsNamed(name).flatMap((row) => row.contexts);
  let told = says;
  const flat = directives.flatMap((directive): readonly Directive[] => {
    const { name, block = [], at, comments = [] } = directive;
    const isHttp = name === 'http';
    // Texts that leave http out are understood, too.
    if (!isHttp && (places(directive).includes('main') || !places(directive).includes('http')))
      return [directive];
    if (isHttp) for (const each of block) if (belongsToMain(each)) report(each.at, levelText(each));
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

/** At the top of a JSON file it is one of the process. */
const belongsToMain = ({ name }: Directive): boolean => {
  const places = rowsNamed(name).flatMap((row) => row.contexts);
  return places.includes('main') && places.includes('http') && name !== 'include';
};

const levelText = ({ name }: Directive): string =>
  `"${name}" of http is that of the whole process in JSON, which has one level for both`;

/** JSON's logs are JSON unless they say otherwise. */
function withLogFormat(directive: Directive): Directive {
  const { name, args, block } = directive;
  if (block !== undefined) return { ...directive, block: block.map(withLogFormat) };
  if (name !== 'access_log' || args.length !== 1 || args[0].text === 'off') return directive;
  return { ...directive, args: [args[0], { text: 'combined', at: args[0].at }] };
}
