// The package brings no types.
declare module 'unix-crypt-td-js' {
  /** DES-crypt: the salt is two characters. */
  export default function unixCrypt(password: readonly number[], salt: string): string;
}
