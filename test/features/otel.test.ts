// Traces: what peers and logs are told of them, and the spans that a real collector gets.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { get } from '../support/http-client.ts';
import { type Proxy, readModel, startProxy } from '../support/proxy.ts';
import { deadPort, startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly arrayValue?: { readonly values: readonly OtlpValue[] };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector: keeps what it is sent, and answers as it is told. */
class Collector {
  readonly requests: {
    readonly url: string;
    readonly headers: Record<string, unknown>;
    readonly body: string;
  }[] = [];
  status = 200;
  peer!: TestPeer;

  async start(): Promise<void> {
    this.peer = await startUpstream((req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      req.on('end', () => {
        this.requests.push({ url: req.url ?? '', headers: req.headers, body });
        res.writeHead(this.status, { 'Content-Type': 'application/json' }).end('{}');
      });
    });
  }

  /** All spans so far, oldest first. */
  get spans(): OtlpSpan[] {
    return this.requests.flatMap(({ body }) => {
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
      };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    });
  }
}

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

const collector = new Collector();
let proxy: Proxy;
/** Echoes what it got of the trace. */
let peer: TestPeer;

beforeAll(async () => {
  await collector.start();
  peer = await startUpstream((req, res) => {
    const { traceparent = '-', tracestate = '-' } = req.headers;
    if (req.url === '/500') res.writeHead(500);
    res.end(`${String(traceparent)} ${String(tracestate)}`);
  });
  const dead = await deadPort();
  proxy = await startProxy(`
    http {
      otel_exporter { endpoint ${collector.peer.address}; header X-Token secret; interval 1h; batch_size 100; }
      otel_service_name shop;
      otel_resource_attr deployment.environment test;
      otel_trace on;
      upstream app { server 127.0.0.1:${dead} max_fails=0 weight=1000; server ${peer.address} backup; }
      split_clients $otel_trace_id $all { * on; }
      server {
        listen 127.0.0.1:0;
        server_name shop.test;
        location / { proxy_pass http://${peer.address}; otel_trace_context propagate; }
        location /ignored { proxy_pass http://${peer.address}; }
        location /inject { proxy_pass http://${peer.address}; otel_trace_context inject; }
        location /off { proxy_pass http://${peer.address}; otel_trace off; otel_trace_context propagate; }
        location /parent { proxy_pass http://${peer.address}; otel_trace $otel_parent_sampled; otel_trace_context propagate; }
        location /set { proxy_pass http://${peer.address}; otel_trace_context inject; proxy_set_header TraceParent mine; }
        location /failover { proxy_pass http://app; otel_trace_context propagate; otel_span_name "two $request_method"; otel_span_attr http.request.header.x $http_x; otel_span_attr plain "a-$uri"; }
        location /sampled { return 200 $all; otel_trace $all; }
        location /vars { otel_trace_context extract; return 200 "$otel_trace_id $otel_span_id $otel_parent_id $otel_parent_sampled $trace_id"; }
        location /own { set $trace_id mine; return 200 $trace_id; }
        location /novars { return 200 "$otel_trace_id|$otel_parent_id|$otel_parent_sampled"; }
        location /auth { auth_request /check; otel_trace_context propagate; proxy_pass http://${peer.address}/; }
        location = /check { internal; otel_trace off; otel_trace_context propagate; proxy_pass http://${peer.address}/; }
      }
    }`);
});

afterAll(async () => {
  await proxy.close();
  await peer.close();
  await collector.peer.close();
});

const ask = (path: string, headers: Record<string, string> = {}): Promise<string> =>
  get(proxy.port, path, { headers }).then(({ body }) => body);

/** The spans that a request makes. */
async function spansOf(path: string, headers: Record<string, string> = {}): Promise<OtlpSpan[]> {
  await proxy.runtime.traces?.exporter.flush();
  const before = collector.spans.length;
  await ask(path, headers);
  await proxy.runtime.traces?.exporter.flush();
  return collector.spans.slice(before);
}

function attributesOf({ attributes }: OtlpSpan): Record<string, string | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.arrayValue?.values.map((v) => v.stringValue).join(),
    ]),
  );
}

describe('a peer', () => {
  it('is told of the trace that the client began, as part of the attempt', async () => {
    const [traceparent, tracestate] = (await ask('/', { traceparent: PARENT, tracestate: 'a=1' })).split(' ');
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
    expect(traceparent).not.toContain('b7ad6b7169203331');
    expect(tracestate).toBe('a=1');
  });

  it('is told of a new one where the client has none, or one that is not valid', async () => {
    const bad = [
      '',
      'nonsense',
      PARENT.replace('00-', 'ff-'),
      PARENT.replace(TRACE_ID, '0'.repeat(32)),
      PARENT.replace('b7ad6b7169203331', '0'.repeat(16)),
      PARENT.toUpperCase(),
      `${PARENT}-more`,
    ];
    for (const traceparent of bad) {
      const body = await ask('/', { traceparent, tracestate: 'a=1' });
      expect(body).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01 -$/);
      expect(body).not.toContain(TRACE_ID);
    }
    // A version to come may have more behind.
    expect(await ask('/', { traceparent: `01${PARENT.slice(2)}-more` })).toContain(TRACE_ID);
  });

  it('gets the client’s own fields with ignore, a new trace with inject, and what proxy_set_header says', async () => {
    expect(await ask('/ignored', { traceparent: PARENT, tracestate: 'a=1' })).toBe(`${PARENT} a=1`);
    const injected = await ask('/inject', { traceparent: PARENT, tracestate: 'a=1' });
    expect(injected).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01 -$/);
    expect(injected).not.toContain(TRACE_ID);
    expect(await ask('/set', { traceparent: PARENT })).toBe('mine -');
  });

  it('hears that nobody samples where nothing is traced', async () => {
    expect(await ask('/off', { traceparent: PARENT })).toMatch(
      new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00 -$`),
    );
  });
});

describe('spans', () => {
  it('tell of the request and of its attempt, in one trace', async () => {
    const [request, attempt] = await spansOf('/x?y=%22%C3%A9', {
      traceparent: PARENT,
      tracestate: 'a=1',
      'user-agent': 'test/1',
    });
    expect(request).toMatchObject({
      traceId: TRACE_ID,
      parentSpanId: 'b7ad6b7169203331',
      traceState: 'a=1',
      name: '/',
      kind: 2,
      status: {},
    });
    expect(attributesOf(request)).toMatchObject({
      'http.method': 'GET',
      'http.target': '/x?y=%22%C3%A9',
      'http.route': '/',
      'http.scheme': 'http',
      'http.flavor': '1.1',
      'http.user_agent': 'test/1',
      'http.request_content_length': '0',
      'http.status_code': '200',
      'net.host.name': 'shop.test',
      'net.host.port': String(proxy.port),
      'net.sock.peer.addr': '127.0.0.1',
    });
    expect(attempt).toMatchObject({ traceId: TRACE_ID, parentSpanId: request.spanId, kind: 3 });
    expect(attributesOf(attempt)).toMatchObject({ 'server.address': peer.address, 'lbproxy.outcome': 'ok' });
    const took = (span: OtlpSpan): bigint => BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano);
    expect(took(request)).toBeGreaterThanOrEqual(took(attempt));
    expect(Math.abs(Number(request.startTimeUnixNano) / 1e6 - Date.now())).toBeLessThan(60_000);
    const { url, headers } = collector.requests[collector.requests.length - 1];
    expect(url).toBe('/v1/traces');
    expect(headers).toMatchObject({ 'x-token': 'secret', 'content-type': 'application/json' });
    const { resource, scopeSpans } = JSON.parse(collector.requests[0].body).resourceSpans[0];
    expect(resource.attributes).toEqual([
      { key: 'deployment.environment', value: { stringValue: 'test' } },
      { key: 'service.name', value: { stringValue: 'shop' } },
    ]);
    expect(scopeSpans[0].scope.name).toBe('lbproxy');
  });

  it('have one for each attempt, with what became of it, and what the configuration adds', async () => {
    const [request, first, second] = await spansOf('/failover', { x: 'yes' });
    expect(request.name).toBe('two GET');
    expect(attributesOf(request)).toMatchObject({ 'http.request.header.x': 'yes', plain: 'a-/failover' });
    expect(first.status.code).toBe(2);
    expect(attributesOf(first)).toMatchObject({
      'lbproxy.outcome': 'connect_refused',
      'lbproxy.upstream': 'app',
    });
    expect(attributesOf(second)).toMatchObject({ 'lbproxy.outcome': 'ok', 'http.resend_count': '1' });
    expect(second.status).toEqual({});
    expect(first.parentSpanId).toBe(request.spanId);
  });

  it('carry the id that the peer was given', async () => {
    await proxy.runtime.traces?.exporter.flush();
    const before = collector.spans.length;
    const [traceparent] = (await ask('/', { traceparent: PARENT })).split(' ');
    await proxy.runtime.traces?.exporter.flush();
    const [, attempt] = collector.spans.slice(before);
    expect(traceparent).toBe(`00-${TRACE_ID}-${attempt.spanId}-01`);
  });

  it('say when the answer was an error', async () => {
    const [request, attempt] = await spansOf('/500');
    expect([request.status.code, attempt.status.code]).toEqual([2, 2]);
  });

  it('are there only where the configuration wants them', async () => {
    expect(await spansOf('/off')).toEqual([]);
    expect(await spansOf('/parent', { traceparent: PARENT.replace(/01$/, '00') })).toEqual([]);
    expect(await spansOf('/parent', { traceparent: PARENT })).toHaveLength(2);
    expect(await spansOf('/sampled')).toHaveLength(1);
  });

  it('of a subrequest are attempts of the main one', async () => {
    const spans = await spansOf('/auth');
    const main = spans.filter(({ kind }) => kind === 2);
    expect(main).toHaveLength(1);
    const attempts = spans.filter(({ kind }) => kind === 3);
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual([main[0].spanId, main[0].spanId]);
  });
});

describe('variables', () => {
  it('tell of the trace', async () => {
    const [trace, span, parent, sampled, own] = (await ask('/vars', { traceparent: PARENT })).split(' ');
    expect([trace, parent, sampled, own]).toEqual([TRACE_ID, 'b7ad6b7169203331', '1', TRACE_ID]);
    expect(span).toMatch(/^[0-9a-f]{16}$/);
    // Ours has a name that files have given to variables of theirs.
    expect(await ask('/own')).toBe('mine');
    const mapped = await startProxy(
      'http { map $arg_a $trace_id { default "m-$arg_a"; } server { listen 127.0.0.1:0; location / { return 200 $trace_id; } } }',
    );
    expect((await get(mapped.port, '/?a=1')).body).toBe('m-1');
    await mapped.close();
    expect(await ask('/novars', { traceparent: PARENT })).toMatch(/^[0-9a-f]{32}\|\|0$/);
  });
});

describe('an exporter', () => {
  it('drops what has no room, counts it, and tells why', async () => {
    const { spanCounts } = await import('../../src/observe/trace/exporter.ts');
    const dead = await deadPort();
    const lone = await startProxy(`
      http {
        otel_exporter { endpoint http://127.0.0.1:${dead}/x; batch_size 2; batch_count 2; interval 1h; }
        server { listen 127.0.0.1:0; otel_trace on; location / { return 204; } }
      }`);
    const before = { ...spanCounts };
    for (let i = 0; i < 9; i++) await get(lone.port);
    await lone.runtime.traces?.exporter.flush();
    expect(spanCounts.sent).toBe(before.sent);
    expect(spanCounts.dropped - before.dropped).toBe(9);
    expect(lone.log.filter((line) => line.includes('the collector of traces'))).toHaveLength(1);
    await lone.close();
  });

  it('takes a refusal for a loss', async () => {
    const { spanCounts } = await import('../../src/observe/trace/exporter.ts');
    await proxy.runtime.traces?.exporter.flush();
    collector.status = 503;
    const before = spanCounts.dropped;
    await spansOf('/x');
    collector.status = 200;
    expect(spanCounts.dropped - before).toBe(2);
    expect(proxy.log.some((line) => line.includes('it answered 503'))).toBe(true);
  });
});

describe('an exporter over TLS', () => {
  it('believes the certificates that it is given, and no others', async () => {
    const { spanCounts } = await import('../../src/observe/trace/exporter.ts');
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-otel-'));
    const made = makeCertificate(dir, 'collector', 'localhost');
    let taken = 0;
    const server = createServer(
      { cert: readFileSync(made.certificate), key: readFileSync(made.key) },
      (req, res) => {
        taken++;
        req.resume().on('end', () => res.end('{}'));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    const start = (trust: string): Promise<Proxy> =>
      startProxy(`
        http {
          otel_exporter { endpoint https://localhost:${port}; interval 1h; ${trust} }
          server { listen 127.0.0.1:0; otel_trace on; location / { return 204; } }
        }`);
    const before = { ...spanCounts };
    const trusting = await start(`trusted_certificate ${made.certificate};`);
    const wary = await start('');
    for (const one of [trusting, wary]) {
      await get(one.port);
      await one.runtime.traces?.exporter.flush();
      await one.close();
    }
    expect([spanCounts.sent - before.sent, spanCounts.dropped - before.dropped, taken]).toEqual([1, 1, 1]);
    expect(wary.log.join()).toContain('self-signed certificate');
    server.close();
    server.closeAllConnections();
    await expect(start(`trusted_certificate ${dir}/none.crt;`)).rejects.toThrow('none.crt');
    rmSync(dir, { recursive: true });
  });
});

describe('an app', () => {
  it('is told of the trace as of any field', async () => {
    let got = '';
    const app = await startRawUpstream((socket) => {
      socket.on('data', (piece) => {
        got += piece.toString('latin1');
        socket.end('Status: 204\r\n\r\n');
      });
    });
    const scgi = await startProxy(`
      http { server { listen 127.0.0.1:0; otel_trace_context propagate; location / { scgi_pass ${app.address}; } } }`);
    await get(scgi.port, '/', { headers: { traceparent: PARENT, tracestate: 'a=1' } });
    expect(got).toMatch(new RegExp(`\\0HTTP_TRACEPARENT\\0(?!${PARENT})00-${TRACE_ID}-[0-9a-f]{16}-00\\0`));
    expect(got).toContain('\0HTTP_TRACESTATE\0a=1\0');
    expect(got.split('HTTP_TRACEPARENT')).toHaveLength(2);
    await scgi.close();
    await app.close();
  });
});

describe('the configuration', () => {
  it.each([
    ['otel_trace on;', '"otel_trace" needs an exporter'],
    ['otel_exporter { interval 1s; }', 'otel_exporter needs an endpoint'],
    ['otel_exporter { endpoint h:1; endpoint h:2; }', 'stands in this otel_exporter before'],
    ['otel_exporter { endpoint h:1; } otel_exporter { endpoint h:1; }', 'otel_exporter'],
    ['otel_exporter { endpoint h:1; nonsense 1; }', '"nonsense" is not in otel_exporter'],
    ['otel_exporter { endpoint ftp://h:1; }', 'is no endpoint'],
    ['otel_exporter { endpoint h:1; header a; }', 'takes a name and a value'],
    ['otel_exporter { endpoint h:1; header "a b" c; }', 'is no name of a field'],
    ['otel_exporter { endpoint h:1; batch_size 0; }', 'is not a whole number'],
    ['otel_exporter { endpoint h:1; batch_size 100000; }', 'would wait in memory'],
    ['otel_exporter { endpoint h:1; interval x; }', 'is not a time'],
  ])('refuses %s', (text, problem) => {
    expect(() => readModel(`http { ${text} server { listen 80; location / { return 204; } } }`)).toThrow(
      problem,
    );
  });

  it('is the same in JSON', () => {
    const { model, remove } = readModel(
      JSON.stringify({
        otel_exporter: { endpoint: 'h:4318', header: [['X-A', 'b c']], interval: '1s', batch_size: 5 },
        otel_trace: 'on',
        servers: [{ listen: '80', otel_trace_context: 'propagate', otel_span_attr: [['a', '$uri']] }],
      }),
    );
    remove();
    expect(model.settings.otelExporter).toEqual({
      endpoint: 'http://h:4318/v1/traces',
      trustedCertificate: '',
      headers: [['X-A', 'b c']],
      intervalMs: 1000,
      batchSize: 5,
      batchCount: 4,
    });
    expect(model.servers[0].settings.otelSpanAttrs).toEqual([['a', '$uri']]);
  });

  it('warns of the port of gRPC', () => {
    const { warnings, remove } = readModel(
      'http { otel_exporter { endpoint h:4317; } server { listen 80; location / { return 204; } } }',
    );
    remove();
    expect(warnings).toContain('port 4318');
  });
});
