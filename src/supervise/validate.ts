// What can be said about programs before any of them is started: called when a configuration is tested or loaded.
import type { ProgramModel } from '../config/model.ts';
import type { Severity } from '../config/problem.ts';
import { checkDependencies, checkReady, type SayOf } from './check-upkeep.ts';
import { checkPlaceholders } from './placeholders.ts';
import type { ProcessSpec } from './plan.ts';
import { type PlanContext, planProcesses } from './process-spec.ts';

/** Receives one problem: `file:line:column` of the block it is about, and what is wrong with the next step. */
export type ReportProgram = (at: string, message: string, severity?: Severity) => void;

export interface ValidateOptions extends Partial<PlanContext> {
  /** The programs that upstreams follow: name of the program → `file:line:column` of the upstream. */
  readonly followed?: ReadonlyMap<string, string>;
}

// A port written as the end of a number: `--port=80%(process_num)02d`, `-p 80%(process_num)02d`, `:80%(process_num)02d`.
const PORT_FORM = /(?:port[= ]|-p[= ]?|:)["']?(\d*)%\(process_num\)(0?)(\d{0,2})d(?!\d)/i;

/**
 * Reports what would keep programs from running as written: commands that cannot be expanded or split, ports outside
 * 1..65535, ports and names used twice, ports in the command that differ from first_port, and programs that an
 * upstream follows without a known port.
 */
export function validatePrograms(
  programs: readonly ProgramModel[],
  report: ReportProgram,
  options: ValidateOptions = {},
): void {
  const cx: PlanContext = {
    prefix: options.prefix ?? process.cwd(),
    env: options.env ?? process.env,
    userOf: options.userOf ?? (() => undefined),
  };
  const sayOf: SayOf = ({ at, name }, message) => report(at, `program "${name}": ${message}`);
  checkDependencies(programs, sayOf);
  const ports = new Map<number, string>();
  const names = new Map<string, string>();
  for (const program of programs) {
    const say = (message: string): void => sayOf(program, message);
    checkReady(program, sayOf);
    const specs = planProcesses(program, cx, say);
    checkPlaceholders(program, (message, severity) =>
      report(program.at, `program "${program.name}": ${message}`, severity),
    );
    checkRange(program, say);
    checkPortForm(program, say);
    claim(
      specs,
      ports,
      (s) => s.launch.port,
      (port, other) => say(`port ${port} is already that of program "${other}": choose another first_port`),
    );
    claim(
      specs,
      names,
      (s) => s.launch.name,
      (name, other) =>
        say(
          `two processes are called "${name}"${
            other === program.name
              ? ': put %(process_num)02d into process_name'
              : ` (the other is of program "${other}"): change process_name`
          }`,
        ),
    );
    const follower = options.followed?.get(program.name);
    if (follower !== undefined && program.settings.programFirstPort === null)
      report(follower, whyNoPort(program.name));
  }
}

/** Why an upstream cannot follow a program that has no first_port, and what to do. */
export function whyNoPort(program: string): string {
  return (
    `the upstream follows program "${program}", whose ports are not known: add first_port, the port of its first ` +
    'process, to the program and write the port in its command as {port}'
  );
}

function checkRange(program: ProgramModel, say: (message: string) => void): void {
  const { programFirstPort: first, programNumprocs: numprocs } = program.settings;
  if (first !== null && first + numprocs - 1 > 65535)
    say(
      `${numprocs} processes from first_port ${first} need ports up to ${first + numprocs - 1}; 65535 is the last`,
    );
}

/** `80%(process_num)02d` is 8099 and then 80100: the digits have to be right for every process, not for the first. */
function checkPortForm(program: ProgramModel, say: (message: string) => void): void {
  const s = program.settings;
  const m = s.programCommand === null ? null : PORT_FORM.exec(s.programCommand);
  if (m === null) return;
  const [, digits, zero, width] = m;
  const form: PortForm = { digits, zero, width, text: `${digits}%(process_num)${zero}${width}d` };
  for (let index = 0; index < s.programNumprocs; index++) {
    const port = s.programFirstPort === null ? null : s.programFirstPort + index;
    const problem = portFormProblem(form, s.programNumprocsStart + index, port);
    if (problem === undefined) continue;
    say(problem);
    return;
  }
}

interface PortForm {
  readonly digits: string;
  readonly zero: string;
  readonly width: string;
  readonly text: string;
}

function portFormProblem(form: PortForm, processNum: number, port: number | null): string | undefined {
  const width = Number(form.width);
  const text = form.digits + String(processNum).padStart(width, form.zero === '' ? ' ' : '0');
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 65535)
    return `"${form.text}" becomes "${text}" for process ${processNum}, which is no port: use first_port and {port}`;
  if (form.digits !== '' && width > 0 && String(processNum).length > width)
    return `"${form.text}" jumps to ${text} at process ${processNum}: use first_port and {port}`;
  if (port !== null && Number(text) !== port)
    return `"${form.text}" becomes ${text} for process ${processNum}, but by first_port its port is ${port}: write {port}`;
  return undefined;
}

/** Enters what each process claims; the first claim that another process has made already is reported. */
function claim<T>(
  specs: readonly ProcessSpec[],
  taken: Map<T, string>,
  of: (spec: ProcessSpec) => T | null,
  conflict: (what: T, other: string) => void,
): void {
  let said = false;
  for (const spec of specs) {
    const what = of(spec);
    if (what === null) continue;
    const other = taken.get(what);
    if (other === undefined) taken.set(what, spec.program);
    else if (!said) {
      said = true;
      conflict(what, other);
    }
  }
}
