// The two faces of the program, as data. The command line chooses one; the Model carries its name. Nobody asks "am I nginx?": who needs
// what differs looks it up here.
import { VERSION } from '../version.ts';

export type FaceName = 'lbproxy' | 'nginx';

export interface Face {
  /** As the Server field and error pages name it; the version follows after a slash. */
  readonly product: string;
  readonly version: string;
  /** Of the lines of its error logs; undefined: as each log is a terminal or not. */
  readonly form: 'nginx' | undefined;
}

/** Whose directives, variables and texts are followed. */
export const NGINX_VERSION = '1.31.5';

export const FACES: Readonly<Record<FaceName, Face>> = {
  lbproxy: { product: 'lbproxy', version: VERSION, form: undefined },
  nginx: { product: 'nginx', version: NGINX_VERSION, form: 'nginx' },
};
