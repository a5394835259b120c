// What programs say of each other and of their ports, looked at before any is started.
import type { ProgramModel } from '../config/model.ts';
import { didYouMean } from '../config/problem.ts';

export type SayOf = (program: ProgramModel, message: string) => void;

/** depends_on that names nothing, or leads back to where it began: those would wait for ever. */
export function checkDependencies(programs: readonly ProgramModel[], say: SayOf): void {
  const byName = new Map(programs.map((program) => [program.name, program]));
  for (const program of programs) {
    for (const name of program.settings.programDependsOn) {
      if (byName.has(name)) continue;
      const near = didYouMean(name, byName.keys());
      const hint = near === undefined ? 'define it, or correct depends_on' : `did you mean "${near}"?`;
      say(program, `it depends on program "${name}", which there is not: ${hint}`);
    }
  }
  const done = new Set<string>();
  for (const program of programs) {
    const circle = circleFrom(program.name, byName, done, []);
    if (circle !== null)
      say(program, `it waits for itself: ${circle.join(' → ')}; take one out of depends_on`);
  }
}

/** The names of a circle that is met first, or null; `done` are names that lead to none, or to one that was told. */
function circleFrom(
  name: string,
  byName: ReadonlyMap<string, ProgramModel>,
  done: Set<string>,
  path: readonly string[],
): readonly string[] | null {
  if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
  if (done.has(name)) return null;
  done.add(name);
  for (const next of byName.get(name)?.settings.programDependsOn ?? []) {
    const circle = circleFrom(next, byName, done, [...path, name]);
    if (circle !== null) return circle;
  }
  return null;
}

/** A port is asked that is not known. */
export function checkReady(program: ProgramModel, say: SayOf): void {
  const { programReady: ready, programFirstPort: port } = program.settings;
  if (port === null && (ready?.by === 'tcp' || ready?.by === 'http'))
    say(
      program,
      `ready ${ready.by} asks its port, which is not known: add first_port, the port of its first process`,
    );
}
