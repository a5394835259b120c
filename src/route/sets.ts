// Whether a configuration sets a variable anywhere: for what follows from that at compile time.
import type { LocationModel, Model, ScriptOp } from '../config/model.ts';

export function setsVariable({ servers }: Model, name: string): boolean {
  const inScript = (ops: readonly ScriptOp[]): boolean =>
    ops.some((op) => (op.op === 'set' ? op.variable === name : op.op === 'if' && inScript(op.script)));
  const inLocation = ({ script, locations }: LocationModel): boolean =>
    inScript(script) || locations.some(inLocation);
  return servers.some(({ script, locations }) => inScript(script) || locations.some(inLocation));
}
