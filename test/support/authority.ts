// The kit's certificate authority: a root, what lies between, leaves of every kind, lists of what was revoked. Made by openssl once a file.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

export interface LeafOptions {
  /** Of the certificate that signs; the root without it. */
  readonly by?: string;
  /** Alternative names such as `DNS:a` or `IP:127.0.0.1`; '' = none. */
  readonly names?: string;
  /** Dates as `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly to?: string;
  readonly authority?: boolean;
  /** What follows its own certificate in the file. */
  readonly chain?: readonly string[];
}

export class Authority {
  readonly dir = mkdtempSync(join(tmpdir(), 'lbproxy-ca-'));

  constructor() {
    writeFileSync(join(this.dir, 'index.txt'), '');
    writeFileSync(join(this.dir, 'crlnumber'), '01');
    this.#openssl(
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=test-root'.split(
        ' ',
      ),
      ...['-keyout', this.path('root.key'), '-out', this.path('root.crt')],
    );
  }

  get root(): string {
    return this.path('root.crt');
  }

  path(file: string): string {
    return join(this.dir, file);
  }

  /** Makes `<file>.crt` and `<file>.key` for a common name. */
  leaf(file: string, name: string, options: LeafOptions = {}): Leaf {
    const { by = 'root', names = '', from = '', to = '', authority = false, chain = [] } = options;
    const made = { certificate: this.path(`${file}.crt`), key: this.path(`${file}.key`) };
    this.#openssl(
      ...'req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'.split(' '),
      ...['-subj', `/CN=${name}`, '-keyout', made.key, '-out', this.path(`${file}.csr`)],
    );
    const use = authority ? 'basicConstraints=critical,CA:TRUE' : 'basicConstraints=CA:FALSE';
    writeFileSync(this.path(`${file}.ext`), `${use}\n${names === '' ? '' : `subjectAltName=${names}\n`}`);
    this.#ca(by, [
      ...['-in', this.path(`${file}.csr`), '-out', made.certificate, '-extfile', this.path(`${file}.ext`)],
      ...(from === '' ? ['-days', '20'] : ['-startdate', from, '-enddate', to]),
    ]);
    const parts = [made.certificate, ...chain.map((other) => this.path(`${other}.crt`))];
    writeFileSync(made.certificate, parts.map((part) => readFileSync(part, 'utf8')).join(''));
    return made;
  }

  /** Makes one that nobody else signed. */
  selfSigned(file: string, name: string): Leaf {
    const made = { certificate: this.path(`${file}.crt`), key: this.path(`${file}.key`) };
    this.#openssl(
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20'.split(' '),
      ...['-subj', `/CN=${name}`, '-keyout', made.key, '-out', made.certificate],
    );
    return made;
  }

  /** Makes one that nobody else signed, of RSA. */
  rsa(file: string, name: string): Leaf {
    const made = { certificate: this.path(`${file}.crt`), key: this.path(`${file}.key`) };
    this.#openssl(
      ...'req -x509 -newkey rsa:2048 -nodes -days 20'.split(' '),
      ...['-subj', `/CN=${name}`, '-keyout', made.key, '-out', made.certificate],
    );
    return made;
  }

  /** Makes one that nobody else signed, with a whole subject: `/C=DE/CN=x`, and what else `openssl req` takes. */
  withSubject(file: string, subject: string, ...args: string[]): Leaf {
    const made = { certificate: this.path(`${file}.crt`), key: this.path(`${file}.key`) };
    this.#openssl(
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -utf8'.split(' '),
      ...['-subj', subject, ...args, '-keyout', made.key, '-out', made.certificate],
    );
    return made;
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  /** Puts a certificate of the root on its list, and gives the list's file. */
  revoke(file: string): string {
    this.#ca('root', ['-revoke', this.path(`${file}.crt`)]);
    this.#ca('root', ['-gencrl', '-crldays', '20', '-out', this.path('root.crl')]);
    return this.path('root.crl');
  }

  /** The key of a leaf under a passphrase. */
  encrypt(file: string, passphrase: string): string {
    const path = this.path(`${file}.enc.key`);
    this.#openssl(
      'pkey',
      '-in',
      this.path(`${file}.key`),
      '-aes256',
      '-passout',
      `pass:${passphrase}`,
      '-out',
      path,
    );
    return path;
  }

  write(file: string, text: string): string {
    writeFileSync(this.path(file), text);
    return this.path(file);
  }

  writeBytes(file: string, bytes: Buffer): void {
    writeFileSync(this.path(file), bytes);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #ca(by: string, args: readonly string[]): void {
    const conf = this.write(
      'ca.conf',
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${this.path('index.txt')}\nnew_certs_dir=${this.dir}\nrand_serial=yes\n` +
        `crlnumber=${this.path('crlnumber')}\ndefault_md=sha256\npolicy=p\nunique_subject=no\n` +
        `[p]\ncommonName=supplied\n`,
    );
    const signer = ['-cert', this.path(`${by}.crt`), '-keyfile', this.path(`${by}.key`)];
    this.#openssl('ca', '-batch', '-notext', '-config', conf, ...signer, ...args);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
