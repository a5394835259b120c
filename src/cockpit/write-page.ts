// Part of `npm run build`: writes the live view's page to the path that it is given.
import { writeFileSync } from 'node:fs';
import { bundlePage } from './bundle-page.ts';

writeFileSync(process.argv[2], await bundlePage());
