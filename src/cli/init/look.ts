// Looks at a project: all that is there that serves, what says most first.

import { join } from 'node:path';
import { isSupervisordFile } from '../programs-file.ts';
import type { FilesFinding, Finding } from './finding.ts';
import { findNodeApp } from './node-app.ts';
import { ProjectFiles } from './project-files.ts';
import { findPythonApp } from './python-app.ts';

const NGINX_FILES = [
  'nginx.conf',
  'conf/nginx.conf',
  'nginx/nginx.conf',
  'deploy/nginx.conf',
  'config/nginx.conf',
];
const SUPERVISOR_FILES = [
  'supervisord.conf',
  'supervisor.conf',
  'conf/supervisord.conf',
  'deploy/supervisord.conf',
  'config/supervisord.conf',
];

export function look(directory: string): readonly Finding[] {
  const files = new ProjectFiles(directory);
  const found: Finding[] = [];
  const nginx = files.first(NGINX_FILES);
  if (nginx !== undefined && /\bserver\s*\{/.test(files.text(nginx)))
    found.push({ kind: 'nginx', what: `a configuration of nginx (${nginx})`, file: nginx });
  const supervisor = SUPERVISOR_FILES.find(
    (name) => files.has(name) && isSupervisordFile(join(directory, name)),
  );
  if (supervisor !== undefined)
    found.push({
      kind: 'supervisord',
      what: `a configuration of Supervisor (${supervisor})`,
      file: supervisor,
    });
  for (const find of [findPythonApp, findNodeApp]) {
    const app = find(files);
    if (app !== undefined) found.push(app);
  }
  const pages = findFiles(files);
  if (pages !== undefined) found.push(pages);
  return found;
}

/** Where tools put what they have built, then where people keep what is served as it is. */
const BUILT = ['dist', 'build', 'out', '_site', 'site'];
const KEPT = ['public', 'www', 'html', 'htdocs', '.'];

function findFiles(files: ProjectFiles): FilesFinding | undefined {
  const has = (root: string): boolean => files.has(root === '.' ? 'index.html' : `${root}/index.html`);
  const built = BUILT.find(has);
  const root = built ?? KEPT.find(has);
  if (root === undefined) return undefined;
  const index = files.text(root === '.' ? 'index.html' : `${root}/index.html`);
  // A page with one empty element and a script is all pages of its app.
  const spa = /<div id=["']?(?:root|app|__next)["']?>\s*<\/div>/.test(index);
  return {
    kind: 'files',
    what: `pages (${root === '.' ? '' : `${root}/`}index.html)`,
    root,
    spa,
    why: spa ? 'one page whose script draws all others: what is no file is index.html' : 'files as they are',
  };
}
