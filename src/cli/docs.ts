// `lbproxy docs`: prints the registry as docs/DIRECTIVES.md and as the schema that editors check upstreams.json with.
import { writeFileSync } from 'node:fs';
import { directivesPage, jsonSchema } from '../config/describe.ts';

export function writeDocs(): number {
  writeFileSync('docs/DIRECTIVES.md', directivesPage());
  writeFileSync('config/upstreams.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  process.stdout.write('wrote docs/DIRECTIVES.md and config/upstreams.schema.json\n');
  return 0;
}
