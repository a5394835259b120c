// `environment=A="1",B="2"` as Supervisor reads it, and where it silently reads something else than was written.
import { pairTokens } from './shlex.ts';

export interface EnvironmentResult {
  readonly values: Readonly<Record<string, string>>;
  /** What was lost or read differently; `piece` is the text it is about. */
  readonly doubts: readonly { readonly piece: string; readonly message: string }[];
}

export function parseEnvironment(text: string): EnvironmentResult | { readonly problem: string } {
  const lexed = pairTokens(text);
  if ('problem' in lexed) return lexed;
  const { tokens, comment } = lexed;
  const values: Record<string, string> = Object.create(null);
  const doubts: { piece: string; message: string }[] = [];
  for (let i = 0; i < tokens.length; i += 4) {
    const [key, equals, value] = tokens.slice(i, i + 3);
    if (value === undefined || equals !== '=') return { problem: whyNoPair(tokens, i) };
    values[key] = value.replace(/^['"]+|['"]+$/g, '');
    const doubt = lostQuote(key, value, values[key]) ?? strangeEnd(key, tokens[i + 3], tokens[i + 4]);
    if (doubt !== undefined) doubts.push(doubt);
  }
  if (comment !== undefined)
    doubts.push({
      piece: comment,
      message: `# begins a comment here, and "${comment}" is lost: put the value in double quotes`,
    });
  return { values: { ...values }, doubts };
}

function whyNoPair(tokens: readonly string[], i: number): string {
  const [key, equals, value] = tokens.slice(i, i + 3);
  const before = i === 0 ? '' : ` (after ${tokens[i - 4]})`;
  const form = 'write KEY="value",KEY2="value2", each value in double quotes';
  if (equals === undefined || (equals === '=' && value === undefined)) {
    return `"${key}"${before} has no value: ${form}; an empty value is ""`;
  }
  return key === '='
    ? `there is no comma or there are blanks before "="${before}: ${form}`
    : `"=" is missing after "${key}"${before}: ${form}`;
}

/** Supervisor takes all quotes from both ends, not the pair around the value alone. */
function lostQuote(
  key: string,
  token: string,
  value: string,
): EnvironmentResult['doubts'][number] | undefined {
  const pair = /^(['"])(.*)\1$/s.exec(token);
  const meant = pair === null ? token : pair[2];
  if (meant === value) return undefined;
  return {
    piece: token,
    message: `${key} becomes ${value}: Supervisor takes every quote from the ends of a value`,
  };
}

function strangeEnd(
  key: string,
  end: string | undefined,
  next: string | undefined,
): EnvironmentResult['doubts'][number] | undefined {
  if (end === undefined || end === ',' || end === ';') return undefined;
  const then = next === undefined ? '' : `, and ${next} is set as a variable of its own`;
  return { piece: end, message: `"${end}" ends the value of ${key}${then}: put the value in double quotes` };
}
