// Whether somebody else listens where a process is about to.
import type { Launch } from './plan.ts';
import { accepts, holderOfPort } from './port-probe.ts';

/** An orphan of an earlier run, or a stranger, would take the requests and make the process fail for an unclear reason. Null to start. */
export async function whyPortTaken(
  { port, dialect }: Launch,
  warn: (message: string) => void,
): Promise<string | null> {
  if (port === null || !(await accepts(port))) return null;
  const who = (await holderOfPort(port))?.text ?? 'another process';
  if (dialect === 'lbproxy')
    return `port ${port} is taken by ${who}: stop that, or choose another first_port`;
  // The port was found in its command line; whether it listens there, and whether that fails, is its own business.
  warn(`starts though port ${port} of its command is taken by ${who}`);
  return null;
}
