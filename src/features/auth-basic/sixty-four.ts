// The digits of crypt(3): six bits each, the lowest first. Pure.
const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function to64(value: number, digits: number): string {
  let text = '';
  for (let i = 0, rest = value; i < digits; i++, rest >>>= 6) text += DIGITS[rest & 63];
  return text;
}
