// Content for a directory: any file in it, through an internal redirect (ngx_http_random_index_module).
import type { Content } from '../../exchange/exchange.ts';
import type { ContentPlace } from '../feature.ts';
import { entriesOf } from './directory-wait.ts';

export function randomIndexContent(place: ContentPlace): Content {
  return {
    slot: 'random_index',
    before: (next) => (x) => {
      const { uri, method } = x;
      if (!uri.endsWith('/') || (method !== 'GET' && method !== 'HEAD' && method !== 'POST')) return next(x);
      place.withDirectory(x, next, (path) =>
        entriesOf(x, path, place, (entries) => {
          const files = entries.filter(({ kind }) => kind === 'file');
          if (files.length === 0) return next(x);
          const { name } = files[Math.floor(Math.random() * files.length)];
          x.server.redirect(x, uri + name);
        }),
      );
    },
  };
}
