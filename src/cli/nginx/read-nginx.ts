// The configuration under the face of nginx: what lbproxy advises beside it is not told, and `user` must be one of the system's.
import type { Problems } from '../../config/problem.ts';
import { Accounts } from '../../supervise/ini/accounts.ts';
import { checkFiles } from '../check-files.ts';
import { type ReadConfig, type ReadWish, readConfig } from '../read-config.ts';
import type { NginxOptions } from './nginx-face.ts';

export function readNginx(options: NginxOptions, wish?: ReadWish): ReadConfig {
  const read = readConfig(options.config, options, wish);
  if (read.model !== undefined) checkFiles(read, false);
  checkUser(read, read.problems);
  return read;
}

/** Whose directive it is: ngx_set_user. */
function checkUser({ tree }: ReadConfig, problems: Problems): void {
  const accounts = new Accounts();
  for (const { name, args, at } of tree?.directives ?? []) {
    if (name !== 'user' || args.length === 0) continue;
    const [user, group = user] = args.map(({ text }) => text);
    if (process.geteuid?.() !== 0)
      problems.warn(
        at,
        'the "user" directive makes sense only if the master process runs with super-user privileges, ignored',
      );
    else if (accounts.user(user) === undefined) problems.error(at, `getpwnam("${user}") failed`);
    else if (accounts.group(group) === undefined) problems.error(at, `getgrnam("${group}") failed`);
  }
}
