// $invalid_referer: '' for a Referer that valid_referers allows, else '1' (ngx_http_referer_module).
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { ignoresCase, type Pattern, patternOf } from '../../route/pattern.ts';
import { toBytes } from '../../route/template.ts';
import type { Feature } from '../feature.ts';
import { HostTree } from '../map/host-tree.ts';

export const REFERER: Feature = {
  name: 'valid_referers',
  variables: ({ settings }) => {
    if (settings.validReferers.length === 0) return null;
    const valid = new ValidReferers(settings);
    return { invalid_referer: (x) => (valid.includes(x) ? '' : '1') };
  },
};

/** nginx looks at no host name that is longer. */
const LONGEST_HOST = 256;

class ValidReferers {
  readonly #none: boolean;
  readonly #blocked: boolean;
  /** A name leads to how the path must begin. */
  readonly #exact = new Map<string, string>();
  readonly #wild = new HostTree<string>();
  /** Over the host, of server names; and over all behind http://. */
  readonly #hosts: Pattern[] = [];
  readonly #all: Pattern[] = [];
  readonly #isEmpty: boolean;

  constructor({ validReferers, serverNames }: Settings) {
    this.#none = validReferers.some(({ none }) => none);
    this.#blocked = validReferers.some(({ blocked }) => blocked);
    for (const { name, path } of validReferers.flatMap(({ names }) => names)) {
      if (name.startsWith('~')) this.#all.push(patternOf(name.slice(1), true));
      else this.#add(toBytes(name), toBytes(path));
    }
    const ofServer = validReferers.some((each) => each.serverNames) ? serverNames.flat() : [];
    for (const name of ofServer) {
      if (name.startsWith('~')) this.#hosts.push(patternOf(name.slice(1), ignoresCase(name.slice(1))));
      else if (name !== '') this.#add(toBytes(name.toLowerCase()), '');
    }
    this.#isEmpty = validReferers.every(({ names }) => names.length === 0) && ofServer.length === 0;
  }

  #add(name: string, path: string): void {
    if (name.startsWith('*.')) this.#wild.addSuffix(name.slice(2), path, false);
    else if (name.startsWith('.')) this.#wild.addSuffix(name.slice(1), path, true);
    else if (name.endsWith('.*')) this.#wild.addPrefix(name.slice(0, -2), path);
    else if (!this.#exact.has(name)) this.#exact.set(name, path);
  }

  includes(x: Exchange): boolean {
    if (this.#isEmpty) return true;
    const referer = x.request.get('referer');
    if (referer === undefined) return this.#none;
    const scheme = referer.length < 'http://i.ru'.length ? null : /^https?:\/\//i.exec(referer);
    if (scheme === null) return this.#blocked;
    const rest = referer.slice(scheme[0].length);
    const end = rest.search(/[/:]/);
    const host = (end < 0 ? rest : rest.slice(0, end)).toLowerCase();
    if (host.length > LONGEST_HOST) return false;
    const path = this.#exact.get(host) ?? this.#wild.find(host);
    if (path !== undefined) return path === '' || pathOf(rest, end).startsWith(path);
    const fits = (pattern: Pattern, text: string): boolean => pattern.exec(text) !== null;
    return this.#hosts.some((each) => fits(each, host)) || this.#all.some((each) => fits(each, rest));
  }
}

function pathOf(rest: string, end: number): string {
  const slash = end < 0 ? -1 : rest.indexOf('/', end);
  return slash < 0 ? '' : rest.slice(slash);
}
