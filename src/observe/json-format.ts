// The built-in access log format `json`: one object per request, with every attempt on a peer.
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { VariableLookup } from '../route/template.ts';
import { toText } from '../route/template.ts';
import { systemClock } from '../shared/clock.ts';
import { encodeJsonLine } from './json-text.ts';
import { loadPino } from './lazy-pino.ts';

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** A time of an attempt; null where that point was not reached. */
const reached = (ms: number): number | null => (ms < 0 ? null : round(ms));

function attemptRecord(attempt: Attempt) {
  return {
    peer: attempt.peer,
    status: attempt.status === 0 ? null : attempt.status,
    outcome: attempt.outcome,
    connect_ms: reached(attempt.connectMs),
    head_ms: reached(attempt.headMs),
    total_ms: reached(attempt.totalMs),
  };
}

function field(exchange: Exchange, lowerName: string): string | undefined {
  const value = exchange.request.get(lowerName);
  return value === undefined ? undefined : toText(value);
}

/**
 * Makes the log hook that gives `write` one line per exchange, ended by a line feed, UTF-8 bytes as latin1.
 * `client` is $remote_addr, so that it follows whatever defines that.
 */
export function createJsonLog(
  lookup: VariableLookup,
  write: (line: string) => void,
): (exchange: Exchange) => void {
  const remoteAddress = lookup('remote_addr') ?? ((exchange: Exchange) => exchange.remoteAddress);
  const pino = loadPino();
  if (pino === null) throw new Error('the package pino, which writes JSON lines, cannot be loaded');
  const log = pino(
    {
      base: undefined,
      // The level of every line would be the same: the time takes its place as the first member.
      formatters: { level: () => ({}) },
      timestamp: () => `"time":"${new Date().toISOString()}"`,
    },
    { write: (line: string) => write(encodeJsonLine(line)) },
  );
  return (exchange) => {
    const request = exchange.request;
    const { failure, attempts } = exchange;
    log.info({
      method: request.method,
      uri: request.target,
      status: exchange.status,
      bytes: exchange.bodyBytesSent,
      ms: round(Math.max(0, systemClock.now() - exchange.startedAt)),
      client: remoteAddress(exchange),
      host: request.host,
      protocol: `HTTP/1.${request.minor}`,
      referer: field(exchange, 'referer'),
      user_agent: field(exchange, 'user-agent'),
      attempts: attempts.length === 0 ? undefined : attempts.map(attemptRecord),
      failure: failure ?? undefined,
    });
  };
}
