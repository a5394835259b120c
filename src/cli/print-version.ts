// -v and -V. Loads nothing but the version: whoever asks for it often (a package manager, a health check) has it at once.
import { VERSION } from '../version.ts';

/** The flags, by whether they want all of it. */
export const VERSION_FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['-v', false],
  ['--version', false],
  ['-V', true],
]);

/** As nginx does, to stderr. The exit status. */
export function printVersion(full: boolean): number {
  process.stderr.write(`lbproxy version: lbproxy/${VERSION}\n`);
  if (full) {
    const { node, openssl } = process.versions;
    process.stderr.write(
      `built for Node.js ${node}\nbuilt with OpenSSL ${openssl}\nTLS SNI support enabled\n`,
    );
  }
  return 0;
}
