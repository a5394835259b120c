// What only shows when all processes are known: one port for two, no port at all, one log file with two sizes.
import { positionOf } from '../../config/places.ts';
import type { GroupPlan, ProcessSpec, StreamPlan } from '../plan.ts';
import type { Report } from './context.ts';
import { namedPorts } from './infer-port.ts';

export function checkPool(groups: readonly GroupPlan[], report: Report): void {
  const specs = groups.flatMap((group) => group.processes);
  checkPorts(specs, report);
  checkLogs(specs, report);
}

function checkPorts(specs: readonly ProcessSpec[], report: Report): void {
  const taken = new Map<number, ProcessSpec>();
  const said = new Set<string>();
  for (const spec of specs) {
    if (said.has(spec.at)) continue;
    const why = portProblem(spec, taken);
    if (why === undefined) continue;
    said.add(spec.at);
    report.warn(positionOf(spec.at), why);
  }
}

function portProblem(spec: ProcessSpec, taken: Map<number, ProcessSpec>): string | undefined {
  const { launch, policy } = spec;
  const outside = namedPorts(launch.argv, launch.environment).find((port) => port > 65535);
  if (outside !== undefined)
    return `the port ${outside} of process "${launch.name}" is above 65535: have fewer processes, or count from a lower port`;
  if (launch.port === null || !policy.autostart) return undefined;
  const other = taken.get(launch.port);
  if (other === undefined) {
    taken.set(launch.port, spec);
    return undefined;
  }
  const cure = other.at === spec.at ? 'put %(process_num) into the port' : 'give one of them another port';
  return `its process "${launch.name}" has the port ${launch.port}, which is that of "${other.launch.name}" too: ${cure}`;
}

function checkLogs(specs: readonly ProcessSpec[], report: Report): void {
  const known = new Map<string, { readonly stream: StreamPlan; readonly name: string }>();
  for (const { launch, output, at } of specs) {
    for (const stream of [output.stdout, output.stderr]) {
      const { target } = stream;
      if (target.kind !== 'file' || target.path.startsWith('/dev/')) continue;
      const other = known.get(target.path);
      if (other === undefined) known.set(target.path, { stream, name: launch.name });
      else if (other.stream.maxBytes !== stream.maxBytes || other.stream.backups !== stream.backups)
        report.warn(
          positionOf(at),
          `${target.path} is rotated by other sizes for "${launch.name}" than for "${other.name}": give both the same _maxbytes and _backups`,
        );
    }
  }
}
