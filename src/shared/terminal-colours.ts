/**
 * Whether what is written may be coloured: on a terminal, unless its reader asked for none (https://no-color.org: any
 * value that is not empty) or it cannot show them. Node's own `hasColors` also says no to every terminal where `CI` is set.
 */
export function mayColour(isTerminal: boolean): boolean {
  const { NO_COLOR, TERM } = process.env;
  return isTerminal && !NO_COLOR && TERM !== 'dumb';
}
