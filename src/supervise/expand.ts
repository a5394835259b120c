// Expansion of a program's texts: Supervisor's Python-style %(name)s forms, and {port} and {index}. Pure.

/** What the names of one process stand for; `port` is null when the program has no first_port. */
export interface Expansions {
  readonly values: ReadonlyMap<string, string | number>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly port: number | null;
  readonly index: number;
}

const FORM = /%%|%\(([^()]*)\)([-+# 0]*)(\d*)([a-zA-Z]?)|(%\()|\{(port|index)\}/g;
const MAX_WIDTH = 64;

/**
 * Replaces the forms in one pass, so that what a value holds is not expanded again. `%%` is a percent sign. A `%` that
 * begins no form stays as it is: Supervisor refuses it, but no text has two readings by that. Other braces stay too.
 * Each problem is reported once and its form left in place.
 */
export function expand(text: string, names: Expansions, report: (message: string) => void): string {
  return text.replace(FORM, (form: string, ...groups: string[]) => {
    const [name, flags, width, conversion, unclosed, brace] = groups;
    if (form === '%%') return '%';
    if (unclosed !== undefined) {
      report('"%(" has no closing ")": write %(process_num)d, or %%( for the characters themselves');
      return form;
    }
    if (brace === 'index') return String(names.index);
    if (brace === 'port') {
      if (names.port !== null) return String(names.port);
      report('{port} is used but first_port is not set: add first_port, the port of the first process');
      return form;
    }
    const value = lookUp(name, names, report);
    return value === undefined ? form : format({ form, name, flags, width, conversion }, value, report);
  });
}

function lookUp(
  name: string,
  names: Expansions,
  report: (message: string) => void,
): string | number | undefined {
  const value = names.values.get(name);
  if (value !== undefined) return value;
  if (!name.startsWith('ENV_')) {
    report(`%(${name}) is not known; known are ${[...names.values.keys()].join(', ')} and ENV_NAME`);
    return undefined;
  }
  const key = name.slice(4);
  const variable = Object.hasOwn(names.env, key) ? names.env[key] : undefined;
  if (variable === undefined)
    report(
      `%(${name})s: the environment of lbproxy has no ${name.slice(4)}: set it, or write the value here`,
    );
  return variable;
}

interface Form {
  readonly form: string;
  readonly name: string;
  readonly flags: string;
  readonly width: string;
  readonly conversion: string;
}

/** Python's `%s` and `%d` with the flags `-` and `0` and a width; the rest has no use here and is refused. */
function format(f: Form, value: string | number, report: (message: string) => void): string {
  const numeric = typeof value === 'number';
  const known = f.conversion === 's' || (numeric && (f.conversion === 'd' || f.conversion === 'i'));
  if (!known || /[+# ]/.test(f.flags) || Number(f.width) > MAX_WIDTH) {
    const hint = numeric ? `%(${f.name})d, %(${f.name})02d or %(${f.name})s` : `%(${f.name})s`;
    report(`"${f.form}" is not a form that is known: write ${hint}`);
    return f.form;
  }
  const text = String(value);
  if (f.flags.includes('-')) return text.padEnd(Number(f.width));
  return text.padStart(Number(f.width), f.conversion !== 's' && f.flags.includes('0') ? '0' : ' ');
}
