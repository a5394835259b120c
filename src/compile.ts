// Model → Runtime: the room that knows every part, so that no part knows another. Each location becomes one ready handler, each
// address one front.
import { CacheSet } from './cache/cache-set.ts';
import { hostAddressesOf } from './compile/host-addresses.ts';
import { type CompiledServer, planListeners } from './compile/listeners.ts';
import type { Runtime, RuntimeTools } from './compile/runtime.ts';
import { SeenServer } from './compile/seen-server.ts';
import { ServerCompiler } from './compile/server-compiler.ts';
import { createTraces } from './compile/traces.ts';
import { TrafficSeries } from './compile/traffic-series.ts';
import { createLookup } from './config/lookup.ts';
import type { Model } from './config/model.ts';
import { zoneSpecs } from './features/zone-specs.ts';
import { cacheSpecs } from './forward/cache/specs.ts';
import { PeerTlsSet } from './forward/tls/peer-tls.ts';
import { Door } from './listen/door.ts';
import { setsVariable } from './route/sets.ts';
import { Slices } from './shared/slices.ts';
import { UpstreamSet } from './upstream/upstream-set.ts';
import { ZoneSet } from './zones/zone.ts';

export { CompileError } from './compile/compile-error.ts';
export type { Runtime, RuntimeLog, RuntimeTools } from './compile/runtime.ts';

/** Rejects with a CompileError. Opens log files, but no socket. Works in slices: traffic goes on beside it. */
export async function compileRuntime(model: Model, tools: RuntimeTools): Promise<Runtime> {
  // What is kept for requests names no tools: `previous` would hold all configurations that ever were.
  const { logFiles, log, logOf, watch, traffic: book } = tools;
  const upstreams =
    watch?.upstreams(model, tools.discovery) ??
    new UpstreamSet(model, tools.discovery, tools.previous?.upstreams ?? null);
  const lookup = createLookup(model.variables, (exchange, message) => log.note(exchange, 'error', message));
  const beside = model.settings.configPrefix || model.prefix;
  const peerTls = new PeerTlsSet(tools.tls.files, beside, tools.previous?.peerTls ?? null);
  const zones = new ZoneSet(zoneSpecs(model), tools.previous?.zones ?? null);
  const caches = new CacheSet(cacheSpecs(model.settings), tools.previous?.caches ?? null);
  const slices = new Slices((tools.previous ?? null) !== null);
  const hostAddresses = await hostAddressesOf(model, slices);
  const setsRate = await setsAnywhere(model, 'limit_rate', slices);
  const kept = { logFiles, log, logOf, watch };
  const tap = tools.tap ?? null;
  const traffic = book ? new TrafficSeries(book, model) : null;
  const traces =
    watch === undefined ? createTraces(model, lookup, (message) => log.handshake(message)) : null;
  const seen = { traffic, tap, traces };
  const shared = { upstreams, peerTls, caches, zones, lookup, tools: kept, setsRate, hostAddresses, ...seen };
  const compiler = new ServerCompiler(shared);
  const servers: CompiledServer[] = [];
  for (const server of model.servers) {
    const runtime = compiler.server(server);
    servers.push({ server, runtime: tap === null ? runtime : new SeenServer(runtime, tap) });
    await slices.step();
  }
  peerTls.settle();
  const door = new Door((message) => log.noRoom(message));
  const tell = (message: string): void => log.handshake(message);
  const tls = watch === undefined ? { material: tools.tls, lookup, prefix: beside, tell } : null;
  const listeners = await planListeners(model, servers, { tls, door, tell, slices });
  return { model, listeners, upstreams, peerTls, caches, zones, traces };
}

async function setsAnywhere({ servers }: Model, variable: string, slices: Slices): Promise<boolean> {
  for (const server of servers) {
    if (setsVariable(server, variable)) return true;
    await slices.step();
  }
  return false;
}
