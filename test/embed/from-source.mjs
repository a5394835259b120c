// For `node --import`: `lbproxy` is the source of this tree, not a build of it.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'lbproxy'
      ? { url: new URL('../../src/embed/index.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});
