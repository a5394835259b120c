// Calls of Supervisor's interface, each with the type of what it answers.
import { PythonError } from './python-error.ts';
import { ask, bodyOf, type Limits, type Server } from './transport.ts';
import { type Argument, decodeAnswer, encodeCall, Fault, type XmlValue } from './xmlrpc-values.ts';

export { Fault };

/** getProcessInfo. */
export interface ProcessInfo {
  readonly name: string;
  readonly group: string;
  readonly state: number;
  readonly statename: string;
  readonly description: string;
  readonly pid: number;
  readonly start: number;
  readonly stop: number;
  readonly now: number;
  readonly exitstatus: number;
  readonly spawnerr: string;
  readonly stdout_logfile: string;
  readonly stderr_logfile: string;
}

/** What became of one process in a call for many. */
export interface CallResult {
  readonly name: string;
  readonly group: string;
  readonly status: number;
  readonly description: string;
}

/** getAllConfigInfo. */
export interface ConfigInfo {
  readonly name: string;
  readonly group: string;
  readonly inuse: boolean;
  readonly autostart: boolean;
  readonly group_prio: number;
  readonly process_prio: number;
}

export type Changes = readonly [
  readonly [added: readonly string[], changed: readonly string[], removed: readonly string[]],
];

/** A status other than 200. */
export class ProtocolError extends PythonError {
  readonly status: number;

  constructor(status: number, reason: string) {
    super('xmlrpc.client.ProtocolError', `<ProtocolError for 127.0.0.1/RPC2: ${status} ${reason}>`);
    this.status = status;
  }
}

/** Of the namespace `supervisor`. */
export interface Methods {
  readonly getVersion: () => string;
  readonly getSupervisorVersion: () => string;
  readonly getPID: () => number;
  readonly getAllProcessInfo: () => readonly ProcessInfo[];
  readonly getProcessInfo: (name: string) => ProcessInfo;
  readonly getAllConfigInfo: () => readonly ConfigInfo[];
  readonly startProcess: (name: string, wait: boolean) => boolean;
  readonly startProcessGroup: (name: string, wait: boolean) => readonly CallResult[];
  readonly startAllProcesses: (wait: boolean) => readonly CallResult[];
  readonly stopProcess: (name: string, wait: boolean) => boolean;
  readonly stopProcessGroup: (name: string, wait: boolean) => readonly CallResult[];
  readonly stopAllProcesses: (wait: boolean) => readonly CallResult[];
  readonly signalProcess: (name: string, signal: string) => boolean;
  readonly signalProcessGroup: (name: string, signal: string) => readonly CallResult[];
  readonly signalAllProcesses: (signal: string) => readonly CallResult[];
  readonly readProcessStdoutLog: (name: string, offset: number, length: number) => string;
  readonly readProcessStderrLog: (name: string, offset: number, length: number) => string;
  readonly readLog: (offset: number, length: number) => string;
  readonly clearProcessLogs: (name: string) => boolean;
  readonly clearAllProcessLogs: () => readonly CallResult[];
  readonly reloadConfig: () => Changes;
  readonly addProcessGroup: (name: string) => boolean;
  readonly removeProcessGroup: (name: string) => boolean;
  readonly sendProcessStdin: (name: string, chars: string) => boolean;
  readonly restart: () => boolean;
  readonly shutdown: () => boolean;
}

/** What Python's client takes for an int. */
const LARGEST_INT = 2 ** 31 - 1;

/** Calls `supervisor.<method>`. Throws a Fault, or a PythonError where there is no answer. */
export async function call<M extends keyof Methods>(
  server: Server,
  limits: Limits,
  method: M,
  ...args: Parameters<Methods[M]>
): Promise<ReturnType<Methods[M]>> {
  const sent: readonly Argument[] = args;
  if (sent.some((arg) => typeof arg === 'number' && (arg > LARGEST_INT || arg < -LARGEST_INT - 1)))
    throw new PythonError('OverflowError', 'int exceeds XML-RPC limits');
  const response = await ask(server, {
    method: 'POST',
    path: '/RPC2',
    headers: { 'content-type': 'text/xml', accept: 'text/xml' },
    body: encodeCall(`supervisor.${method}`, sent),
    limits,
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new ProtocolError(response.statusCode ?? 0, response.statusMessage ?? '');
  }
  // A server that answers something else than its interface says fails where its answer is used, within the command.
  return decoded((await bodyOf(response)).toString('utf8')) as ReturnType<Methods[M]>;
}

function decoded(text: string): XmlValue {
  try {
    return decodeAnswer(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new PythonError('xml.parsers.expat.ExpatError', error.message);
  }
}
