// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${name} is what pages of SSI say
// Pages with commands, one matter each, and the parts that they include.

/** Files that are only included. */
export const PARTS: Readonly<Record<string, string>> = {
  'part/plain.html': 'a part\n',
  'part/echo.html':
    '[part <!--#echo var="uri" --> <!--#echo var="document_uri" --> <!--#echo var="request_uri" --> <!--#echo var="mine" --> <!--#echo var="args" -->]',
  'part/sets.html': '<!--#set var="mine" value="of the part" -->[set]',
  'part/nested.html': `(<!--#include virtual="plain.html"${' '.repeat(80)} --><!--#include virtual="deeper/inner.html?n=1" -->)`,
  'part/deeper/inner.html':
    '{<!--#include file="../plain.html" --><!--#include virtual="/part/echo.html" -->}',
  'part/empty.html': '',
  'part/sp ace.html': 'with a space',
  'part/big.html': 'a line of the big part\n'.repeat(9000),
  'part/block.html': '<!--#block name="theirs" -->block of the part<!--#endblock -->',
  'part/stub-of-main.html': '<!--#include virtual="/missing" stub="one" -->',
};

const include = (target: string, more = ''): string => `<!--#include virtual="${target}"${more} -->`;
const echo = (name: string, more = ''): string => `<!--#echo var="${name}"${more} -->`;
const set = (name: string, value: string): string => `<!--#set var="${name}" value="${value}" -->`;
const iff = (expr: string): string => `<!--#if expr="${expr}" -->yes<!--#else -->no<!--#endif -->;`;

export const PAGES: Readonly<Record<string, string>> = {
  'text.html': 'no commands at all\n',
  'openings.html':
    'a < b <! c <!- d <!-- e --> <<!--x <!<!--#echo var="q" --> <<<!--#echo var="uri" --><!-<!--#echo var="uri" -->',
  'tail-1.html': 'ends in a tag <',
  'tail-2.html': 'ends in an opening <!--',
  'tail-3.html': 'ends in a command <!--#echo var="ur',
  'tail-4.html': '<',
  'echo.html': `${echo('uri')} ${echo('args')} ${echo('arg_q')} ${echo('request_uri')} ${echo('nothing')} ${echo('cookie_c')} ${echo('made')} ${echo('URI')}`,
  'echo-default.html': `${echo('nothing', ' default="none here"')} ${echo('nothing', ' default=""')}|${echo('uri', ' default="x"')}`,
  'echo-encoding.html': `${echo('cookie_c', ' encoding="none"')} ${echo('cookie_c')} ${echo('cookie_c', ' encoding="url"')} ${echo('cookie_c')} ${echo('cookie_c', ' encoding="entity"')} ${echo('cookie_c', ' encoding="odd"')}`,
  'echo-url.html': `${set('all', ' a"b#c%d\'e<f>g\\\\h^i`j{k|l}m&n+o?p;q=r/s~t\x7f\xe9')}${echo('all', ' encoding="url"')}${echo('all', ' encoding="entity"')}`,
  'set.html': `${set('a', 'one')}${set('b', '$a two ${a}x')}${echo('a')} ${echo('b')} ${echo('A')}${set('A', 'three')}${echo('a')}`,
  'set-quotes.html': `<!--#set var='s' value='single \\' quote' -->${echo('s')}<!--#set var="d" value="double \\" \\$uri \\\\ \\x \\' end\\" -->${echo('d', ' encoding="none"')}${set('e', '')}[${echo('e')}]`,
  'set-uri.html': `${set('uri', 'mine')}${echo('uri')} $uri`,
  'set-wrong.html': `${set('a', 'x $')}${set('b', '${uri')}${set('c', '$-')}${set('d', '${}')}${set('e', '${ur-i}')}${echo('a')}`,
  'set-unknown.html': `${set('a', '[$unknown_thing]')}${echo('a')}`,
  'if-plain.html': ['$arg_q', '$nothing', '$uri', '', 'text', 'x=x', '$made'].map(iff).join(''),
  'if-equals.html': [
    '$arg_q = 1',
    '$arg_q=2',
    '$arg_q != 1',
    '$arg_q!=2',
    '$arg_q  =  1',
    'a = A',
    'A = a',
    '$ARG_Q = 1',
    '$uri = \\/if-equals.html',
    '$uri = /if-equals.html',
  ]
    .map(iff)
    .join(''),
  'if-regex.html': [
    '$uri = /if/',
    '$uri = /IF/',
    '$uri != /if/',
    '$uri = /^\\/if-(.*)\\.html$/',
    '$uri = /(/',
    '$uri = /a',
    '$arg_q = /^[0-9]+$/',
    '$uri=//',
  ]
    .map(iff)
    .join(''),
  'if-captures.html': `<!--#if expr="$uri = /^(.)(?P<word>[a-z]+)-(x)?([a-z]+)/" -->${[0, 1, 2, 3, 4, 5].map((n) => `[${echo(String(n))}]`).join('')}${echo('word')}<!--#endif -->${set('v', '$2-$4-${1}$9')}${echo('v')}`,
  'if-wrong.html': ['a b', '$arg_q ~ x', '$arg_q =', '= x', '-x', '$arg_q = $'].map(iff).join(''),
  'elif.html': ['1', '2', '3', '4']
    .map(
      (n) =>
        `${set('n', n)}<!--#if expr="$n = 1" -->one<!--#elif expr="$n = 2" -->two<!--#elif expr="$n = 3" -->three<!--#else -->else<!--#endif -->;`,
    )
    .join(''),
  'if-nested.html':
    '<!--#if expr="x" -->a<!--#if expr="y" -->b<!--#endif -->c<!--#endif -->d<!--#if expr="" -->e<!--#if expr="y" -->f<!--#endif -->g<!--#endif -->h',
  'if-contexts.html':
    '<!--#else -->a<!--#endif -->b<!--#elif expr="x" -->c<!--#if expr="x" -->d<!--#else -->e<!--#else -->f<!--#elif expr="x" -->g<!--#endif -->h<!--#if expr="$" -->i<!--#endif -->j',
  'if-hides.html': `<!--#if expr="" -->${include('/text/hidden')}${echo('uri')}${set('h', 'x')}<!--#unknown --><!--#echo bad --><!--#endif -->[${echo('h')}]`,
  'include.html': `a${include('/text/x?y=1')}b${include('part/plain.html')}c<!--#include file="part/plain.html" -->d${include('/echo/peer?z')}e`,
  'include-order.html': `1${include('/echo/one')}2${include('/text/two')}3${include('/echo/three')}4${include('part/echo.html')}5`,
  'include-big.html': `1${include('part/big.html')}2${include('part/big.html')}3`,
  'include-nested.html': `<${include('part/nested.html')}>${include('/part/nested.html')}`,
  'include-variables.html': `${set('p', 'part')}${include('/$p/plain.html')}${include('$p/echo.html?a=$arg_q')}${include('${p}/sp%20ace.html')}${include('/part/sp ace.html')}`,
  'include-errors.html': [
    '/missing',
    '/nothing',
    '/empty',
    '/moved',
    '/dead',
    '/own',
    '/own-ok',
    '/plain',
    '/off',
    '/internal',
    '/guarded',
    '/part/empty.html',
    '/nowhere.html',
  ]
    .map((uri) => `${uri}[${include(uri)}]`)
    .join('\n'),
  'include-unsafe.html': [
    '../x',
    '/../x',
    'a/../b',
    '/a/%2e%2e/b',
    '?x',
    '/x%00y',
    '/..',
    '/..x',
    '/text/%4z%zz%',
    '/text/%41%42',
  ]
    .map((uri) => `[${include(uri)}]`)
    .join(''),
  'include-wrong.html':
    '<!--#include --><!--#include virtual="/text/a" file="b" --><!--#include virtual="/text/a" wait="maybe" --><!--#include file="part/plain.html" wait="yes" --><!--#include virtual="/text/a" set="x" stub="y" --><!--#include virtual="/text/a" stub="none" -->',
  'include-wait.html': `a${include('part/sets.html', ' wait="yes"')}${echo('mine')}${include('/text/x', ' wait="no"')}${include('/echo/y', ' wait="YES"')}b`,
  ...Object.fromEntries(
    [
      '/text/x',
      '/echo/y',
      'part/nested.html',
      '/missing',
      '/own',
      '/own-ok',
      'part/echo.html',
      '/empty',
      '/nothing',
      '/moved',
    ].map((uri, n) => [`include-set-${n}.html`, `a${include(uri, ' set="t"')}[${echo('t')}]b`]),
  ),
  'include-set-kept.html': `${set('t', 'before')}${include('/missing', ' set="t"')}[${echo('t')}]`,
  'include-shares.html': `${set('mine', 'of the page')}${include('part/echo.html')}${include('part/sets.html')}${include('part/echo.html')}`,
  'include-captures.html': `<!--#if expr="$uri = /^\\/([a-z]+)/" -->${include('part/echo.html?$1')}<!--#endif -->`,
  'block.html': `<!--#block name="one" -->text ${echo('uri')} <!--#set var="a" value="b" -->${include('/text/in-block')}<!--#endblock -->[${['/missing', '/nothing', '/dead', '/text/there', '/own', '/moved'].map((uri) => include(uri, ' stub="one"')).join('|')}]`,
  'block-plain.html': `<!--#block name="one" -->just text<!--#endblock -->${include('/empty', ' stub="one"')}|${include('/part/empty.html', ' stub="one"')}|${include('/missing', ' stub="one"')}|${include('/missing', ' stub="one"')}`,
  'block-odd.html':
    '<!--#block name="a" --><!--#block name="b" -->inner<!--#endblock -->out<!--#endblock -->x<!--#include virtual="/missing" stub="a" -->|<!--#block name="e" --><!--#endblock --><!--#include virtual="/missing" stub="e" -->|<!--#block name="a" -->second<!--#endblock --><!--#include virtual="/missing" stub="a" --><!--#block -->y',
  'block-shared.html': `<!--#block name="one" -->of the page<!--#endblock -->${include('/part/stub-of-main.html')}`,
  'config.html': `<!--#config errmsg="oops" --><!--#unknown -->|<!--#config timefmt="%Y" -->${echo('date_gmt')} ${echo('date_local')}<!--#config timefmt="%Y %C %Z %z %% %n %t %Q" -->${echo('date_local')} ${echo('date_gmt')}`,
  'wrong.html':
    '<!--#unknown --><!--#echo --><!--#echo var --><!--#echo var=x --><!--#echo var="a"x --><!--#echo var="a" other="b" --><!--#echo var="uri" var="uri" --><!--#echo var="uri"--><!--#echo var="uri" - --><!--#--><!--# echo var="uri" -->|<!--#\n echo\tvar\r\n=\n"uri"\n-->|<!--#echo-->|<!--#else x="y" -->|<!--#echo var-x="y" -->|<!--#echo var="uri" -- >x -->|',
  'long.html': `<!--#${'c'.repeat(32)} -->|<!--#${'c'.repeat(33)} -->|<!--#echo ${'p'.repeat(32)}="x" -->|<!--#echo ${'p'.repeat(33)}="x" -->|${set('v', 'v'.repeat(255))}${echo('v')}|${set('w', 'w'.repeat(256))}${echo('w')}|${set('y', `${'y'.repeat(254)}\\z`)}${echo('y')}|<!--#echo ${Array.from({ length: 17 }, (_v, n) => `p${n}="x"`).join(' ')} -->`,
  'many.html': Array.from({ length: 150 }, (_v, n) => `${n}${include(`/text/${n}`)}`).join(''),
  'many-peers.html': Array.from(
    { length: 30 },
    (_v, n) => `${n}${include(`/echo/${n}`, n % 3 === 0 ? ' wait="yes"' : '')}`,
  ).join(''),
  'nothing-silent.html': '<!--#config errmsg="quiet" --><!--#unknown -->',
  'cycle.html': `x${include('/cycle.html')}y`,
};
