// What a program that sends requests has to say; some print it as JSON.
export interface EngineResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Connections that failed, time-outs and answers that are not 2xx. */
  readonly failures: number;
}
