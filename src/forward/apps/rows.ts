// Rows that the families of apps have, those that get parameters of a request (FastCGI, uwsgi, SCGI): which app answers, what it is told.
import { type Context, HTTP_LEVELS, list, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import type { ProxyPass } from '../rows.ts';

export type AppFamily = 'fastcgi' | 'uwsgi' | 'scgi';

export interface AppParam {
  readonly name: string;
  /** Template. */
  readonly value: string;
  /** Not sent where its value is empty. */
  readonly ifNotEmpty: boolean;
}

const PASS_PLACES: readonly Context[] = ['location', 'if in location'];

/** `who`: an app in words. */
export function appRows(family: AppFamily, who: string): readonly Row[] {
  return [
    setting('proxyPass', {
      name: `${family}_pass`,
      contexts: PASS_PLACES,
      args: [1, 1],
      syntax: family === 'uwsgi' ? '[uwsgi:// | suwsgi://]address' : 'address',
      inherit: false,
      doc: `Sends requests to ${who}: host:port, unix:path, or the name of an upstream or a program.${family === 'uwsgi' ? ' suwsgi:// is over TLS.' : ''}`,
      read: (words, cx) => readPass(family, words, cx),
    }),
    list(`${family}Param`, {
      name: `${family}_param`,
      contexts: HTTP_LEVELS,
      args: [2, 3],
      syntax: 'name value [if_not_empty]',
      doc: 'Tells the app a parameter; with if_not_empty only where it has a value. HTTP_NAME takes the place of the request’s field Name. A level that has any inherits none.',
      read: readParam,
    }),
  ];
}

const ADDRESS = /^(?:unix:[^:]+|(?:\[[0-9A-Fa-f:.]+\]|[^:/?[\]]+)(?::\d{1,5})?)$/;

/** The scheme, whose s says that it is over TLS, and the address. */
export const UWSGI_URL = /^(s?)uwsgi:\/\/(.+)$/is;

/** As a URL, so that all passes are of one form. */
function readPass(family: AppFamily, words: readonly Word[], cx: ReadContext): ProxyPass | undefined {
  const [{ text: given, at }] = words;
  const place = `${at.file}:${at.line}:${at.column}`;
  const own = family === 'uwsgi' ? UWSGI_URL.exec(given) : null;
  const scheme = own === null ? family : `${own[1].toLowerCase()}uwsgi`;
  const text = own === null ? given : own[2];
  if (text.includes('$')) return { url: `${scheme}://${cx.template({ ...words[0], text })}`, at: place };
  const bare = /^[a-z]+:\/\/(.+?)\/?$/i.exec(text)?.[1];
  if (bare !== undefined)
    return cx.problems.error(at, `"${family}_pass" takes an address without "://"; write ${bare}`);
  if (!ADDRESS.test(text))
    return cx.problems.error(
      at,
      `"${text}" is no address; write host:port, unix:/path or the name of an upstream`,
    );
  return { url: `${scheme}://${text}`, at: place };
}

function readParam(words: readonly Word[], cx: ReadContext): AppParam | undefined {
  const [name, value, word] = words;
  if (word !== undefined && word.text !== 'if_not_empty')
    return cx.problems.error(
      word.at,
      `"${word.text}" is not "if_not_empty", the one word that may follow a value`,
    );
  return { name: name.text, value: cx.template(value), ifNotEmpty: word !== undefined };
}
