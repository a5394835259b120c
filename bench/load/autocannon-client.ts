// One round by autocannon: node autocannon-client.ts '{"options":{…},"bodyBytes":0}' prints an EngineResult as JSON.
import autocannon from 'autocannon';
import type { EngineResult } from './engine-result.ts';

// The contender's certificate is one of the test.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');
const { options, bodyBytes } = JSON.parse(process.argv[2]);
const body = bodyBytes > 0 ? { body: Buffer.alloc(bodyBytes, 'b') } : {};
const result = await autocannon({ ...options, ...body });
const { latency } = result;
const printed: EngineResult = {
  requests: result.requests.total,
  seconds: result.duration,
  p50Ms: latency.p50,
  p90Ms: latency.p90,
  p99Ms: latency.p99,
  p999Ms: latency.p99_9,
  maxMs: latency.max,
  failures: result.errors + result.timeouts + result.non2xx,
};
console.log(JSON.stringify(printed));
