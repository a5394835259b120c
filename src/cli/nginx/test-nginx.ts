// `nginx -t` and `-T`.
import { dump, tryAll } from '../test-config.ts';
import type { NginxOptions } from './nginx-face.ts';
import { nginxProblems, tell } from './problem-lines.ts';
import { readNginx } from './read-nginx.ts';

export async function testNginx(options: NginxOptions): Promise<number> {
  const file = options.config;
  const read = readNginx(options);
  const { model, pool, problems, tree } = read;
  if (model !== undefined && pool !== undefined) await tryAll(model, read);
  tell(nginxProblems(problems.list), options.firstLog);
  if (problems.hasErrors || tree === undefined) {
    process.stderr.write(`nginx: configuration file ${file} test failed\n`);
    return 1;
  }
  if (options.quiet !== true) {
    process.stderr.write(`nginx: the configuration file ${file} syntax is ok\n`);
    process.stderr.write(`nginx: configuration file ${file} test is successful\n`);
  }
  if (options.dump === true) process.stdout.write(dump(tree));
  return 0;
}
