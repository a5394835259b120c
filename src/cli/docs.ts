// `lbproxy docs`: prints the registry as docs/DIRECTIVES.md and as the schema that editors check upstreams.json with.
import { existsSync, writeFileSync } from 'node:fs';
import { directivesPage, jsonSchema } from '../config/describe.ts';

const PAGE = 'docs/DIRECTIVES.md';
const SCHEMA = 'config/upstreams.schema.json';

export function writeDocs(): number {
  if (!existsSync('docs') || !existsSync('config')) {
    process.stderr.write(
      'lbproxy: docs writes into docs/ and config/ of a checkout: run it there, with npm run docs\n',
    );
    return 1;
  }
  writeFileSync(PAGE, directivesPage());
  writeFileSync(SCHEMA, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  process.stdout.write(`wrote ${PAGE} and ${SCHEMA}\n`);
  return 0;
}
