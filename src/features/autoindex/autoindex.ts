// Content for a directory without an index file: the list of what is in it (ngx_http_autoindex_module).
import { BARE, passHead, REPLACED } from '../../answer/head-pass.ts';
import { clearAnswer, comparable, sendBare, sendContent } from '../../answer/whole.ts';
import type { Content, Exchange, Handler } from '../../exchange/exchange.ts';
import type { Getter } from '../../route/template.ts';
import type { ContentPlace, Feature } from '../feature.ts';
import type { Entry } from './directory.ts';
import { entriesOf } from './directory-wait.ts';
import { htmlList, inOrder, jsonList, xmlList } from './lists.ts';
import { randomIndexContent } from './random-index.ts';

export const AUTOINDEX: Feature = {
  name: 'autoindex',
  content: (place) => (place.settings.autoindex ? autoindexContent(place) : null),
};

export const RANDOM_INDEX: Feature = {
  name: 'random_index',
  content: (place) => (place.settings.randomIndex ? randomIndexContent(place) : null),
};

function autoindexContent(place: ContentPlace): Content {
  return {
    slot: 'autoindex',
    before: (next) => {
      const lists = new Lists(place, next);
      return (x) => lists.handle(x);
    },
  };
}

const TYPES = {
  html: 'text/html',
  json: 'application/json',
  jsonp: 'application/javascript',
  xml: 'text/xml; charset=utf-8',
} as const;

/** nginx's: longer names, and other characters, are refused. */
const CALLBACK = /^[A-Za-z0-9_.]{0,128}$/;

class Lists {
  readonly #place: ContentPlace;
  readonly #next: Handler;
  readonly #callback: Getter;

  constructor(place: ContentPlace, next: Handler) {
    this.#place = place;
    this.#next = next;
    this.#callback = place.lookup('arg_callback') ?? (() => undefined);
  }

  handle(x: Exchange): void {
    if (!x.uri.endsWith('/') || (x.method !== 'GET' && x.method !== 'HEAD')) return this.#next(x);
    let format = this.#place.settings.autoindexFormat;
    const callback = format === 'jsonp' ? (this.#callback(x) ?? '') : '';
    if (!CALLBACK.test(callback)) {
      this.#place.report(x, 'info', `client sent invalid callback name: "${callback.slice(0, 200)}"`);
      x.location.fail(x, 400, 'the argument "callback" is no name of a function');
      return;
    }
    if (format === 'jsonp' && callback === '') format = 'json';
    this.#place.withDirectory(x, this.#next, (path) =>
      entriesOf(x, path, this.#place, (entries) =>
        this.#send(x, TYPES[format], () => this.#list(x, format, callback, entries)),
      ),
    );
  }

  #send(x: Exchange, type: string, list: () => string): void {
    clearAnswer(x);
    x.status = 200;
    x.lines = `Content-Type: ${type}\r\n`;
    const passed = passHead(x, comparable(x));
    if (passed === REPLACED) return;
    if (passed === BARE) return sendBare(x);
    sendContent(x, list());
  }

  #list(x: Exchange, format: keyof typeof TYPES, callback: string, entries: readonly Entry[]): string {
    const { autoindexExactSize: exactSize, autoindexLocaltime: localtime } = this.#place.settings;
    const sorted = inOrder(entries);
    if (format === 'xml') return xmlList(sorted);
    if (format !== 'html') return jsonList(sorted, callback);
    return htmlList(x.uri, sorted, { exactSize, localtime, utf8: UTF_8.test(x.lines) });
  }
}

const UTF_8 = /^content-type:.*; charset=utf-8 *\r$/im;
