// Whether a server sets a variable anywhere: for what follows from that at compile time.
import { levelsOf } from '../config/levels.ts';
import type { LocationModel, ScriptOp, ServerModel } from '../config/model.ts';

export function setsVariable(server: ServerModel, name: string): boolean {
  const inScript = (ops: readonly ScriptOp[]): boolean =>
    ops.some((op) => (op.op === 'set' ? op.variable === name : op.op === 'if' && inScript(op.script)));
  const inLocation = ({ script, locations }: LocationModel): boolean =>
    inScript(script) || locations.some(inLocation);
  return (
    inScript(server.script) ||
    server.locations.some(inLocation) ||
    levelsOf(server, true).some(({ settings }) => settings.authRequestSet.some((set) => set.name === name))
  );
}
