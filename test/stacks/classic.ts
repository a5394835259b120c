// The configurations of tutorials that stand in config/, as nginx takes them: what it refuses of their texts put right.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const CLASSICS = ['classic-balanced', 'classic-commented', 'classic-no-http', 'classic-tls'];

const MAIN = /^(?:user|worker_processes|error_log|pid) .*$|^events \{[^}]*\}/gm;

/** With the placeholders of the other stacks. */
export function classicText(name: string): string {
  const file = fileURLToPath(new URL(`../../config/${name}.conf`, import.meta.url));
  const text = readFileSync(file, 'utf8')
    .replace(/listen( +)8080;/g, 'listen$1{port};')
    .replace(/listen( +)8443;\s+ssl on;/g, 'listen$1{tls} ssl;')
    .replace(/127\.0\.0\.1:[08]00?(\d);/g, '127.0.0.$1:{app};')
    .replace('127.0.0.1:8888;', '127.0.0.1:{app};')
    .replace(/root demo;/g, 'root {dir}/www;')
    .replace(
      'ssl_certificate self-signed;',
      'ssl_certificate {dir}/tls/site.crt; ssl_certificate_key {dir}/tls/site.key;',
    );
  const inside = /^http \{([\s\S]*)\}$/m.exec(text)?.[1] ?? text;
  return `pid {dir}/run/nginx.pid;\nevents {}\nhttp {\n${inside.replace(MAIN, '')}\n}\n`;
}
