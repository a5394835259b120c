// `lbproxy -c FILE`, which needs nothing that reads command lines.
import type { CliOptions } from './cli-options.ts';

/** Null where it is something else. */
export function plainStart([flag, file, ...more]: readonly string[]): CliOptions | null {
  const names = flag === '-c' || flag === '--config';
  return names && file !== undefined && !file.startsWith('-') && more.length === 0 ? { config: file } : null;
}
