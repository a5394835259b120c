// How many acceptors a configuration wants, and whether they share what they know.
import type { Model } from '../config/model.ts';
import { FACES } from '../face/face.ts';
import { zoneSpecs } from '../features/zone-specs.ts';
import { usableCores } from './usable-cores.ts';

/** Asked once: a limit that changes later holds from the next start. */
let cores = 0;

/** acceptors: one per usable core unless the configuration says a number. Programs alone need none. */
export function wantedAcceptors(model: Model): number {
  if (model.servers.length === 0) return 0;
  cores ||= usableCores();
  return model.settings.acceptors > 0 ? model.settings.acceptors : cores;
}

/** Several share, or those before and after a reload that bring zones along. */
export function sharesState(model: Model): boolean {
  return (
    wantedAcceptors(model) > 1 || (FACES[model.settings.face].renewsAcceptors && zoneSpecs(model).length > 0)
  );
}
