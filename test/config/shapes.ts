// A few rows, as the registry would tell the JSON reader of them.
import type { JsonShape, ShapeOf } from '../../src/config/json/read.ts';

const row = (name: string, maxArgs: number, more: Partial<JsonShape> = {}): JsonShape => ({
  name,
  minArgs: Math.min(maxArgs, 1),
  maxArgs,
  repeat: false,
  block: false,
  ...more,
});

const ROWS: readonly JsonShape[] = [
  row('http', 0, { block: true }),
  row('events', 0, { block: true }),
  row('types', 0, { block: true }),
  row('server', 0, { block: true, repeat: true }),
  row('upstream', 1, { block: true, repeat: true }),
  row('location', 2, { block: true, repeat: true }),
  row('if', 6, { block: true, repeat: true }),
  row('listen', 10, { repeat: true }),
  row('server_name', 100),
  row('proxy_next_upstream', 10),
  row('proxy_set_header', 2, { repeat: true }),
  row('add_header', 3, { repeat: true }),
  row('log_format', 100, { repeat: true }),
  row('return', 2),
  row('internal', 0),
  row('expires', 2),
  ...['worker_processes', 'root', 'command', 'proxy_pass', 'proxy_buffering', 'numprocs', 'program'].map(
    (name) => row(name, 1),
  ),
];

export const shapeOf: ShapeOf = (name) =>
  ROWS.find((shape) => shape.name === (name === 'acceptors' ? 'worker_processes' : name));
