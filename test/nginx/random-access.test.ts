// Fifty random servers, ten requests each: who may come and who answers, in combination, as nginx has it.
import { RandomServer, randomOf, randomRequest } from './random-access.ts';
import { describeTable } from './request-table.ts';
import { writeUserFiles } from './user-files.ts';

const SERVERS = 50;
const REQUESTS = 10;
const SEED = Number(process.env.LBPROXY_SEED ?? 1);

const users = writeUserFiles();
const hosts = Array.from({ length: SERVERS }, (_, i) => `c${i}.test`);

describeTable(
  `fifty servers of seed ${SEED}`,
  (places) => {
    const random = randomOf(SEED);
    return hosts.map((host) => new RandomServer(random, places, users.path('plain')).text(host)).join('');
  },
  hosts.flatMap((host, i) => {
    const random = randomOf(SEED * 1000 + i);
    return Array.from({ length: REQUESTS }, () => randomRequest(random, host));
  }),
);
