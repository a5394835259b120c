// A line of a program as a terminal gets it: shown, never obeyed. Programs print what strangers send them, and a terminal that obeys can be
// told to change its title, fill the clipboard, or answer as if somebody typed.
import { escapeControls } from './pretty-line.ts';

/** ECMA-48 SGR; whatever else begins with an escape is shown. */
const COLOUR = /\x1b\[([\d;]{0,40})m/g;
const RESET = '\x1b[0m';

/** Tabs stay, and colours, which end with the line. */
export function terminalLine(line: string): string {
  let out = '';
  let from = 0;
  for (const match of line.matchAll(COLOUR)) {
    if (!isHarmless(match[1].split(';'))) continue;
    out += shown(line.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  out += shown(line.slice(from));
  return from === 0 ? out : out + RESET;
}

const shown = (text: string): string => text.split('\t').map(escapeControls).join('\t');

/**
 * Colour, weight, slant, lines, reverse, blinking and the end of each: they change how the letters of this line look and nothing that
 * stays. Not 8, which hides them, and not 10 to 20, other alphabets.
 */
const HARMLESS = /^0*(|[0-79]|2[1-579]|[39][0-7]|4[0-7]|10[0-7]|39|49)$/;

function isHarmless(parameters: readonly string[]): boolean {
  for (let i = 0; i < parameters.length; i++) {
    if (parameters[i] === '38' || parameters[i] === '48') {
      const taken = extendedLength(parameters.slice(i + 1));
      if (taken === 0) return false;
      i += taken;
    } else if (!HARMLESS.test(parameters[i])) return false;
  }
  return true;
}

/** After 38 and 48: `5;n` or `2;r;g;b`; 0 for anything else. */
function extendedLength([kind, ...rest]: readonly string[]): number {
  const length = kind === '5' ? 1 : kind === '2' ? 3 : 0;
  const values = rest.slice(0, length);
  return length > 0 && values.length === length && values.every(isByte) ? 1 + length : 0;
}

const isByte = (text: string): boolean => /^\d{1,3}$/.test(text) && Number(text) <= 255;
