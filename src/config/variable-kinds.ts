// The blocks that define variables, by kind: how each is read, and what its definition becomes. A new kind has its line here.
import { compileGeo } from '../features/geo/compile-geo.ts';
import { readGeo } from '../features/geo/read-geo.ts';
import { compileMap } from '../features/map/compile-map.ts';
import { readMap } from '../features/map/read-map.ts';
import { compileSplitClients } from '../features/split-clients/compile-split-clients.ts';
import { readSplitClients } from '../features/split-clients/read-split-clients.ts';
import type { Getter, VariableLookup } from '../route/template.ts';
import type { VariableModel } from './model.ts';
import type { ReadContext } from './row.ts';
import type { Directive } from './tree.ts';
import type { Definition } from './variable-book.ts';

/** What a block defines; undefined after its problems were reported. */
export function readDefinition(directive: Directive, cx: ReadContext): Definition | undefined {
  switch (directive.name) {
    case 'map': {
      const { volatile, map } = readMap(directive, cx);
      return { kind: 'map', volatile, definition: map };
    }
    case 'geo': {
      const read = readGeo(directive, cx);
      if (read === undefined) return undefined;
      return { kind: 'geo', volatile: read.volatile, definition: read.geo };
    }
    case 'split_clients':
      return { kind: 'split_clients', volatile: false, definition: readSplitClients(directive, cx) };
    default:
      return undefined;
  }
}

/** The value of a definition, not kept yet; '' where it has none. */
export function compileDefinition(model: VariableModel, lookup: VariableLookup): Getter {
  switch (model.kind) {
    case 'map':
      return compileMap(model.definition, lookup);
    case 'geo':
      return compileGeo(model.definition, lookup);
    case 'split_clients':
      return compileSplitClients(model.definition, lookup);
    case 'set':
      return () => '';
  }
}
