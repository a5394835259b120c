// The two faces of the program, as data. The command line chooses one; the Model carries its name. Nobody asks "am I nginx?": who needs
// what differs looks it up here.
import { constants } from 'node:os';
import { VERSION } from '../version.ts';

export type FaceName = 'lbproxy' | 'nginx';

export interface Face {
  /** As the Server field and error pages name it; the version follows after a slash. */
  readonly product: string;
  readonly version: string;
  /** Of the lines of its error logs; undefined: as each log is a terminal or not. */
  readonly form: 'nginx' | undefined;
  /** Of an error_log that names no level. */
  readonly logLevel: 'notice' | 'error';
  /** A reload puts new acceptors in the place of those that run; else these switch. */
  readonly renewsAcceptors: boolean;
  /** `localhost` of peers is looked up, as other names are. */
  readonly localhostIsName: boolean;
  /** Connections to a server that no `upstream` names are kept. */
  readonly keepsToServers: boolean;
  /** `proxy_set_header Connection close` closes the connection to the peer behind the answer. */
  readonly obeysConnectionClose: boolean;
  /** How often an address that is taken is tried, half a second apart. */
  readonly bindTries: number;
  /** Acceptors become the user that `user` names, where the primary is root. */
  readonly obeysUser: boolean;
  /** Of an acceptor whose process ended; `next`: what follows. */
  readonly exited: (end: ProcessEnd, next: string) => Told;
}

export interface ProcessEnd {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: string | null;
  /** Why there never was a process; null where there was one. */
  readonly notStarted: string | null;
  /** It was told to end. */
  readonly wanted: boolean;
}

export interface Told {
  readonly level: 'notice' | 'error' | 'alert';
  readonly text: string;
}

/** Whose directives, variables and texts are followed. */
export const NGINX_VERSION = '1.31.5';

export const FACES: Readonly<Record<FaceName, Face>> = {
  lbproxy: {
    product: 'lbproxy',
    version: VERSION,
    form: undefined,
    logLevel: 'notice',
    renewsAcceptors: false,
    localhostIsName: false,
    keepsToServers: true,
    obeysConnectionClose: false,
    bindTries: 1,
    obeysUser: false,
    exited({ pid, wanted, ...end }, next) {
      const text = `acceptor ${pid} ${howEnded(end)}`;
      return wanted ? { level: 'notice', text } : { level: 'error', text: `${text}; ${next}` };
    },
  },
  nginx: {
    product: 'nginx',
    version: NGINX_VERSION,
    form: 'nginx',
    logLevel: 'error',
    renewsAcceptors: true,
    localhostIsName: true,
    keepsToServers: false,
    obeysConnectionClose: true,
    bindTries: 5,
    obeysUser: true,
    exited({ pid, code, signal, notStarted, wanted }) {
      if (notStarted !== null) return { level: 'alert', text: `worker process ${notStarted}` };
      if (signal === null) return { level: 'notice', text: `worker process ${pid} exited with code ${code}` };
      const number = (constants.signals as Record<string, number>)[signal] ?? signal;
      return { level: wanted ? 'notice' : 'alert', text: `worker process ${pid} exited on signal ${number}` };
    },
  },
};

/** `exited with code 1`, `exited on signal SIGKILL` */
export function howEnded({ code, signal, notStarted }: Omit<ProcessEnd, 'pid' | 'wanted'>): string {
  if (notStarted !== null) return notStarted;
  return signal === null ? `exited with code ${code}` : `exited on signal ${signal}`;
}
