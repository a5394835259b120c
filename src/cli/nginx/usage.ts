// What `nginx -h`, `-v` and `-V` print. Loads nothing: scripts ask for it again and again.
import { NGINX_VERSION } from '../../face/face.ts';
import { VERSION } from '../../version.ts';
import { configureArguments } from './modules.ts';

/** Where everything is unless -p, -c and -e say otherwise: what nginx itself is built with. */
export const PREFIX = '/usr/local/nginx';
export const CONFIG = 'conf/nginx.conf';
export const ERROR_LOG = 'logs/error.log';

export const VERSION_LINE = `nginx version: nginx/${NGINX_VERSION}\n`;

export const USAGE = `Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: ${PREFIX}/)
  -e filename   : set error log file (default: ${ERROR_LOG})
  -c filename   : set configuration file (default: ${CONFIG})
  -g directives : set global directives out of configuration file

`;

export function buildLines(): string {
  const { node, openssl } = process.versions;
  return (
    `built by lbproxy ${VERSION} (Node.js ${node})\n` +
    `built with OpenSSL ${openssl}\n` +
    'TLS SNI support enabled\n' +
    `configure arguments: --prefix=${PREFIX} ${configureArguments().join(' ')}\n`
  );
}
