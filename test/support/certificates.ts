// The kit's certificates: self-signed ones made by openssl in a directory of the test.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Makes `<file>.crt` and `<file>.key` in `dir` for a common name; further names become its alternative names. */
export function makeCertificate(
  dir: string,
  file: string,
  name: string,
  others: readonly string[] = [],
): Certificate {
  const made = { certificate: join(dir, `${file}.crt`), key: join(dir, `${file}.key`) };
  const alternatives = [name, ...others].map((n) => `DNS:${n}`).join(',');
  execFileSync(
    'openssl',
    [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' '),
      ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alternatives}`],
      ...['-keyout', made.key, '-out', made.certificate],
    ],
    { stdio: 'ignore' },
  );
  return made;
}
