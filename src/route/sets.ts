// Whether a configuration sets a variable anywhere: for what follows from that at compile time.
import { levelsOf } from '../config/levels.ts';
import type { LocationModel, Model, ScriptOp, ServerModel } from '../config/model.ts';

export function setsVariable({ servers }: Model, name: string): boolean {
  const inScript = (ops: readonly ScriptOp[]): boolean =>
    ops.some((op) => (op.op === 'set' ? op.variable === name : op.op === 'if' && inScript(op.script)));
  const inLocation = ({ script, locations }: LocationModel): boolean =>
    inScript(script) || locations.some(inLocation);
  const byAnswer = (server: ServerModel): boolean =>
    levelsOf(server, true).some(({ settings }) => settings.authRequestSet.some((set) => set.name === name));
  return servers.some(
    (server) => inScript(server.script) || server.locations.some(inLocation) || byAnswer(server),
  );
}
