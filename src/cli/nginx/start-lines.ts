// What nginx notes when it starts (ngx_os_status): who it is, and where.
import { release, type as systemName } from 'node:os';
import { NGINX_VERSION } from '../../face/face.ts';
import { VERSION } from '../../version.ts';

export function startLines(): readonly string[] {
  return [
    `nginx/${NGINX_VERSION}`,
    `built by lbproxy ${VERSION} (Node.js ${process.versions.node})`,
    `OS: ${systemName()} ${release()}`,
    'start worker processes',
  ];
}
