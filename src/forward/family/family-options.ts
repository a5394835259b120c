// What forwarding takes of the settings that all families of peers have.
import { bodyPolicyOf } from '../../body/policy.ts';
import { TempPlace } from '../../body/temp-place.ts';
import type { Settings } from '../../config/model.ts';
import { compileTemplate, type VariableLookup } from '../../route/template.ts';
import { type BufferingKeys, USUAL_BUFFERS } from '../buffering/rows.ts';
import type { SpoolPolicy } from '../buffering/spool.ts';
import type { ForwardOptions } from '../forward-options.ts';
import type { ForwardTools } from '../forward-tools.ts';
import { compileHashKey } from '../hash-key.ts';
import { compilePeerRanges } from '../peer-ranges.ts';
import { type Family, familyOf } from './rows.ts';

type Shared = Omit<
  ForwardOptions,
  'upstream' | 'authority' | 'secure' | 'transport' | 'back' | 'takeHead' | 'needsLength' | 'sentTo'
>;

/** `authority`: the constant group or server, '' with variables. The client's body goes as it is. */
export function familyOptions(
  family: Family,
  settings: Settings,
  authority: string,
  tools: ForwardTools,
): Shared {
  const own = familyOf(settings, family);
  return {
    hashKey: compileHashKey(tools.upstreams, tools.lookup),
    isProxy: family === 'proxy',
    next: {
      // In nginx too `off` outweighs whatever stands beside it.
      words: own.NextUpstream.includes('off') ? [] : own.NextUpstream,
      tries: own.NextUpstreamTries,
      timeoutMs: own.NextUpstreamTimeoutMs,
    },
    earlyHints: earlyHintsOf(settings, tools.lookup),
    connectTimeoutMs: own.ConnectTimeoutMs,
    sendTimeoutMs: own.SendTimeoutMs,
    readTimeoutMs: own.ReadTimeoutMs,
    body: bodyPolicyOf(settings),
    streamsBody: !own.RequestBuffering && own.PassRequestBody,
    passBody: own.PassRequestBody,
    ownBody: null,
    upgrade: null,
    ignoreHeaders: new Set(own.IgnoreHeaders),
    carriedCookie: null,
    seekPeer: compilePeerRanges(own.ForceRanges, settings),
    limitRateBytes: own.LimitRateBytes,
    buffering: own.Buffering,
    spool: spoolPolicyOf(own),
    intercepts: own.InterceptErrors ? new Set(settings.errorPages.flatMap(({ codes }) => codes)) : null,
    ignoreClientAbort: own.IgnoreClientAbort,
    holdMs: tools.upstreams.holdOf(authority) ?? settings.proxyHoldMs,
    holdRequests: settings.proxyHoldRequests,
    takeTrailers: null,
    waitPage: tools.waitPage,
    log: tools.log,
  };
}

function spoolPolicyOf({ Buffers, MaxTempFileBytes, TempPath }: BufferingKeys): SpoolPolicy {
  const { count, bytes } = Buffers ?? USUAL_BUFFERS;
  return { memoryBytes: count * bytes, maxFileBytes: MaxTempFileBytes, place: new TempPlace(TempPath) };
}

/** As in nginx one value that is neither empty nor 0 is enough. */
function earlyHintsOf({ earlyHints }: Settings, lookup: VariableLookup): ForwardOptions['earlyHints'] {
  if (earlyHints === null) return null;
  const values = earlyHints.map((text) => compileTemplate(text, lookup));
  return (x) =>
    values.some((value) => {
      const text = value(x);
      return text !== '' && text !== '0';
    });
}
