// Words in braces that look like {port} and {index} and are neither. Other braces are the program's own: JSON, code.
import type { ProgramModel } from '../config/model.ts';
import { didYouMean, type Severity } from '../config/problem.ts';

const WORD_IN_BRACES = /(\$?)\{([A-Za-z_]\w*)\}/g;
const KNOWN: readonly string[] = ['port', 'index'];
/** Supervisor's names, with the form that they are written in. */
const NAMES: Readonly<Record<string, string>> = {
  program_name: '%(program_name)s',
  group_name: '%(group_name)s',
  process_num: '%(process_num)d',
  numprocs: '%(numprocs)d',
  host_node_name: '%(host_node_name)s',
  here: '%(here)s',
};

/** A slip is an error, as the program would get it as it stands; any other word may be meant so. */
export function checkPlaceholders(
  program: ProgramModel,
  report: (message: string, severity: Severity) => void,
): void {
  const s = program.settings;
  const texts = [s.programCommand, s.programProcessName, s.programDirectory];
  const said = new Set<string>();
  for (const text of [...texts, ...Object.values(s.programEnvironment)]) {
    for (const [form, dollar, name] of (text ?? '').matchAll(WORD_IN_BRACES)) {
      if (said.has(form) || (dollar === '' && KNOWN.includes(name))) continue;
      said.add(form);
      const meant = dollar === '' ? meantBy(name) : undefined;
      if (meant !== undefined) report(`${form} is not known: write ${meant}`, 'error');
      else if (dollar === '') report(`${form} stays as it is: known are {port} and {index}`, 'warning');
      else report(`${form} stays as it is: no shell runs the command, write %(ENV_${name})s`, 'warning');
    }
  }
}

function meantBy(name: string): string | undefined {
  if (Object.hasOwn(NAMES, name)) return NAMES[name];
  const near = didYouMean(name.toLowerCase(), KNOWN);
  return near === undefined ? undefined : `{${near}}`;
}
