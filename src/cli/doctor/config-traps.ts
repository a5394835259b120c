// Checks of a configuration that is right to the letter and does something else than most who write it so have meant.
import { join } from 'node:path';
import { formatPosition } from '../../config/problem.ts';
import type { Directive } from '../../config/tree.ts';
import { type Check, type Finding, finder, type ReadSite, type Surroundings } from './check.ts';

interface Placed {
  readonly directive: Directive;
  /** The blocks around it, the outermost first. */
  readonly around: readonly Directive[];
}

/** All directives, each with what is around. */
function placed(directives: readonly Directive[], around: readonly Directive[] = []): Placed[] {
  return directives.flatMap((directive) => [
    { directive, around },
    ...placed(directive.block ?? [], [...around, directive]),
  ]);
}

function trap(
  name: string,
  about: string,
  look: (it: Placed, here: Surroundings, site: ReadSite) => readonly Finding[],
): Check {
  return {
    name,
    about,
    run: (here, site) =>
      site === null ? [] : placed(site.tree.directives).flatMap((it) => look(it, here, site)),
  };
}

/** The path of a location that is found by its beginning; undefined for others. */
function prefixOf({ name, args }: Directive): string | undefined {
  if (name !== 'location') return undefined;
  const [first, second] = args;
  const path = second === undefined ? first?.text : first?.text === '^~' ? second.text : undefined;
  return path?.startsWith('/') ? path : undefined;
}

const aliases = trap('alias', 'root and alias, and their slashes', ({ directive, around }, here, site) => {
  const { problem, advice } = finder('alias');
  const outer = around.at(-1);
  const path = outer === undefined ? undefined : prefixOf(outer);
  const [word] = directive.args;
  if (path === undefined || word === undefined || word.text.includes('$')) return [];
  const at = formatPosition(directive.at);
  if (directive.name === 'alias' && path !== '/' && path.endsWith('/') !== word.text.endsWith('/')) {
    // /img../secret leaves the directory: https://nginx.org says nothing of it, scanners look for it.
    if (word.text.endsWith('/'))
      return [
        problem(
          `location ${path} with alias ${word.text}: ${path}../x is a file beside that directory`,
          `write location ${path}/`,
          at,
        ),
      ];
    return [
      problem(
        `location ${path} with alias ${word.text}: ${path}a is looked for as ${word.text}a`,
        `write alias ${word.text}/`,
        at,
      ),
    ];
  }
  if (directive.name !== 'root' || path === '/') return [];
  const root = join(site.model.prefix, word.text);
  const base = word.text.startsWith('/') ? word.text : root;
  const last = path.replace(/\/$/, '');
  const doubled =
    base.replace(/\/$/, '').endsWith(last) && here.isDirectory(base) && !here.isDirectory(join(base, path));
  if (!doubled) return [];
  return [
    advice(
      `root has the whole path put behind it: ${path}x is looked for as ${join(base, path)}x`,
      `write alias ${word.text.replace(/\/?$/, path.endsWith('/') ? '/' : '')}, or root ${word.text.replace(/\/$/, '').slice(0, -last.length) || '/'}`,
      at,
    ),
  ];
});

const PASS_URI = /^https?:\/\/[^/$]+(\/[^$]*)$/;

const slashes = trap('proxy-pass-slash', 'slashes at the end of proxy_pass', ({ directive, around }) => {
  const outer = around.at(-1);
  const path = outer === undefined ? undefined : prefixOf(outer);
  const uri = directive.name === 'proxy_pass' ? PASS_URI.exec(directive.args[0]?.text ?? '')?.[1] : undefined;
  if (path === undefined || uri === undefined || path === '/' || path.endsWith('/') === uri.endsWith('/'))
    return [];
  const example = `${path}${path.endsWith('/') ? '' : '/'}users`;
  const becomes = uri + example.slice(path.length);
  const url = directive.args[0].text;
  const fix = uri.endsWith('/') ? `write location ${path}/, or ${url.slice(0, -1)}` : `write ${url}/`;
  return [
    finder('proxy-pass-slash').problem(
      `the peer gets ${example} as ${becomes}`,
      fix,
      formatPosition(directive.at),
    ),
  ];
});

/** All that is safe in an `if` of a location. */
const SAFE_IN_IF: ReadonlySet<string> = new Set([
  'return',
  'rewrite',
  'set',
  'break',
  'expires',
  'access_log',
  'limit_rate',
]);

const ifs = trap('if', 'what `if` does to a location', ({ directive, around }) => {
  const outer = around.at(-1);
  if (directive.name !== 'if' || outer?.name !== 'location') return [];
  const odd = (directive.block ?? []).find(({ name }) => !SAFE_IN_IF.has(name));
  const others = outer.block?.some(({ name }) => name === 'try_files' || name === 'add_header') === true;
  if (odd === undefined || (!others && odd.name !== 'add_header' && odd.name !== 'try_files')) return [];
  return [
    finder('if').advice(
      `"${odd.name}" in an "if": where that is true, the location is another one, without this one's try_files, and its add_header lines only if the "if" has none`,
      'let a map give the value, or have a location of its own for those requests',
      formatPosition(odd.at),
    ),
  ];
});

/** Lists that a level with any of its own inherits none of. */
const LISTS = ['add_header', 'proxy_set_header', 'fastcgi_param', 'uwsgi_param', 'scgi_param'] as const;

const inheritance = trap(
  'inheritance',
  'lines that an inner level loses',
  ({ directive, around }, _here, site) => {
    if (directive.block === undefined) return [];
    return LISTS.flatMap((name) => {
      const own = namesIn(directive, name);
      if (own.size === 0 || merges([...around, directive], name)) return [];
      const outer = around.findLast((each) => namesIn(each, name).size > 0);
      if (outer === undefined) return [];
      const lost = [...namesIn(outer, name)].filter((each) => !own.has(each));
      // What JSON sends of itself is no loss.
      if (lost.length === 0 || (site.tree.syntax === 'json' && name === 'proxy_set_header')) return [];
      const first = directive.block?.find((each) => each.name === name);
      return [
        finder('inheritance').advice(
          `a level with a ${name} of its own has none of those around: ${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} not set here`,
          name === 'add_header' ? 'repeat them here, or write add_header_inherit merge' : 'repeat them here',
          formatPosition((first ?? directive).at),
        ),
      ];
    });
  },
);

function namesIn({ block = [] }: Directive, name: string): Set<string> {
  return new Set(block.filter((each) => each.name === name).map(({ args }) => args[0]?.text ?? ''));
}

function merges(levels: readonly Directive[], name: string): boolean {
  if (name !== 'add_header') return false;
  const said = levels.flatMap(({ block = [] }) => block.filter((each) => each.name === 'add_header_inherit'));
  return said.at(-1)?.args[0]?.text === 'merge';
}

export const CONFIG_TRAPS: readonly Check[] = [aliases, slashes, ifs, inheritance];
