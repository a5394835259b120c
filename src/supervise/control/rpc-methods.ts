// All methods of Supervisor's XML-RPC interface by name, with what each takes and answers (system.methodSignature), and the way to call
// one: the number of arguments is checked here, their kinds where they are used, as in Python.

import type { PoolFace } from './face.ts';
import { FAULTS, PythonError, RpcFault } from './rpc-faults.ts';
import { allConfigInfo, processInfo } from './rpc-info.ts';
import * as logs from './rpc-logs.ts';
import {
  allByName,
  allOf,
  checkUp,
  findGroup,
  type Named,
  type RpcContext,
  resolve,
  resolveProcess,
} from './rpc-names.ts';
import * as processes from './rpc-processes.ts';
import { METHOD_TEXTS, type MethodText } from './rpc-texts.ts';
import { asText, isTrue, keyOf, nameOf, type RpcStruct, type RpcValue } from './rpc-values.ts';
import type { RpcAnswer } from './xmlrpc-codec.ts';

type Run = (cx: RpcContext, args: readonly RpcValue[]) => RpcAnswer | Promise<RpcAnswer>;

const API_VERSION = '3.0';
/** Supervisor's release whose answers these are: clients look at it. */
const SUPERVISOR_VERSION = '4.2.5';
/** A call of a thousand logs must not fill the memory. */
const MAX_MULTICALL_CHARS = 32 * 1024 * 1024;

/** Calls a method of the interface. Throws RpcFault, or PythonError for what Supervisor fails at. */
export async function callMethod(
  cx: RpcContext,
  method: string,
  args: readonly RpcValue[],
): Promise<RpcAnswer> {
  const run = RUNS.get(method);
  const text = METHOD_TEXTS.get(method);
  if (run === undefined || text === undefined) throw new RpcFault(FAULTS.UNKNOWN_METHOD);
  const required = text.params.filter(({ optional }) => optional !== true).length;
  if (args.length < required || args.length > text.params.length)
    throw new RpcFault(FAULTS.INCORRECT_PARAMETERS);
  return run(cx, args);
}

/** Only while lbproxy is up. */
const whenUp =
  (run: Run): Run =>
  (cx, args) => {
    checkUp(cx.pool);
    return run(cx, args);
  };

/** What returns nothing is answered with true. */
const acknowledge =
  (act: (pool: PoolFace, args: readonly RpcValue[]) => void): Run =>
  ({ pool }, args) => {
    act(pool, args);
    return true;
  };

const waits = (value: RpcValue | undefined): boolean => value === undefined || isTrue(value);

/** The group of exactly that name. Throws BAD_NAME. */
function membersOf(cx: RpcContext, value: RpcValue): Named[] {
  const name = keyOf(value);
  const group = name === null ? undefined : findGroup(cx.pool, name);
  if (group === undefined) throw new RpcFault(FAULTS.BAD_NAME, processes.asExtra(value));
  return allOf([group]);
}

const signalMany = (cx: RpcContext, members: readonly Named[], signal: RpcValue): Promise<RpcAnswer> =>
  processes.runMany(cx, members, processes.isSignallable, processes.beginSignal(cx.pool, signal));

const startProcess: Run = (cx, [name, wait]) => {
  const found = resolve(cx.pool, name);
  if (found.process === null) return processes.startMany(cx, allOf([found.group]), waits(wait));
  return processes.runOne(cx, found, processes.beginStart(cx.pool, waits(wait)));
};

const stopProcess: Run = (cx, [name, wait]) => {
  const found = resolve(cx.pool, name);
  if (found.process === null) return processes.stopMany(cx, allOf([found.group]), waits(wait));
  return processes.runOne(cx, found, processes.beginStop(cx.pool, waits(wait)));
};

const signalProcess: Run = (cx, [name, signal]) => {
  const found = resolve(cx.pool, name);
  if (found.process === null) return signalMany(cx, allOf([found.group]), signal);
  return processes.runOne(cx, found, processes.beginSignal(cx.pool, signal));
};

async function reloadConfig({ pool }: RpcContext): Promise<RpcAnswer> {
  try {
    const { added, changed, removed } = await pool.reread();
    return [[added, changed, removed]];
  } catch (error) {
    throw new RpcFault(FAULTS.CANT_REREAD, error instanceof Error ? error.message : String(error));
  }
}

const addProcessGroup: Run = ({ pool }, [name]) => {
  const group = pool.configured().find(({ plan }) => plan.name === name);
  if (group === undefined) throw new RpcFault(FAULTS.BAD_NAME, processes.asExtra(name));
  if (!pool.addGroup(group.plan.name)) throw new RpcFault(FAULTS.ALREADY_ADDED, group.plan.name);
  return true;
};

const removeProcessGroup: Run = ({ pool }, [value]) => {
  const name = keyOf(value);
  if (name === null || findGroup(pool, name) === undefined)
    throw new RpcFault(FAULTS.BAD_NAME, processes.asExtra(value));
  if (!pool.removeGroup(name)) throw new RpcFault(FAULTS.STILL_RUNNING, name);
  return true;
};

const sendProcessStdin: Run = ({ pool }, [name, chars]) => {
  if (typeof chars !== 'string') throw new RpcFault(FAULTS.INCORRECT_PARAMETERS, processes.asExtra(chars));
  const { process, name: called } = resolveProcess(pool, name);
  if (process.view.pid === 0 || process.view.state === 'STOPPING')
    throw new RpcFault(FAULTS.NOT_RUNNING, called);
  if (!process.write(Buffer.from(chars))) throw new RpcFault(FAULTS.NO_FILE, called);
  return true;
};

const methodSignature: Run = (_cx, [name]) => {
  const { answers, params } = textOf(name);
  return [answers, ...params.map(({ type }) => type)];
};

function textOf(name: RpcValue): MethodText {
  const text = typeof name === 'string' ? METHOD_TEXTS.get(name) : undefined;
  if (text === undefined) throw new RpcFault(FAULTS.SIGNATURE_UNSUPPORTED);
  return text;
}

/** In the form of Supervisor's: what it does, then a line for each argument and for the answer. */
const methodHelp: Run = (_cx, [name]) => {
  const { about, params, answers, result } = textOf(name);
  const lines = params.map((p) => `        @param ${p.type} ${p.name}  ${p.about}`);
  return [` ${about}`, '', ...lines, `        @return ${answers} result  ${result}`, '        '].join('\n');
};

/** One after the other; a call waits for what the one before waits for. A list of the answers as they are, faults as structs. */
const multicall: Run = async (cx, [calls]) => {
  const answers: RpcAnswer[] = [];
  let sizeChars = 0;
  for (const item of callsOf(calls)) {
    if (cx.gone.aborted) break;
    if (sizeChars > MAX_MULTICALL_CHARS)
      throw new RpcFault(FAULTS.FAILED, 'the answers are too large for one call: ask for less at a time');
    if (!(item instanceof Map))
      throw new PythonError('AttributeError', 'a call of system.multicall is no struct');
    try {
      const answer = await callOf(cx, item);
      answers.push(answer);
      sizeChars += textSize(answer);
    } catch (error) {
      answers.push(faultOf(error));
    }
  }
  return answers;
};

/** Of texts: logs, one by one or with their offsets. All else is small. */
function textSize(answer: RpcAnswer): number {
  if (typeof answer === 'string') return answer.length;
  return Array.isArray(answer) && typeof answer[0] === 'string' ? answer[0].length : 0;
}

function callsOf(calls: RpcValue): readonly RpcValue[] {
  if (Array.isArray(calls)) return calls;
  if (typeof calls !== 'string') throw new RpcFault(FAULTS.INCORRECT_PARAMETERS);
  return calls === '' ? [] : [calls];
}

function callOf(cx: RpcContext, item: RpcStruct): Promise<RpcAnswer> {
  const method = item.get('methodName') ?? null;
  if (method === null) throw new RpcFault(FAULTS.INCORRECT_PARAMETERS, 'No methodName');
  if (method === 'system.multicall')
    throw new RpcFault(FAULTS.INCORRECT_PARAMETERS, 'Recursive system.multicall forbidden');
  const name = nameOf(method);
  return callMethod(cx, name, argsOf(name, item.get('params') ?? (item.has('params') ? null : [])));
}

/** What Python's `f(*params)` takes. An unknown method is told before bad arguments are. */
function argsOf(method: string, params: RpcValue): readonly RpcValue[] {
  if (Array.isArray(params)) return params;
  if (typeof params === 'string') return [...params];
  if (params instanceof Map) return [...params.keys()];
  throw new RpcFault(RUNS.has(method) ? FAULTS.INCORRECT_PARAMETERS : FAULTS.UNKNOWN_METHOD);
}

function faultOf(error: unknown): RpcAnswer {
  if (error instanceof RpcFault) return { faultCode: error.code, faultString: error.message };
  const kind = error instanceof PythonError ? error.kind : 'Exception';
  const message = error instanceof Error ? error.message : String(error);
  return { faultCode: FAULTS.FAILED, faultString: `FAILED: <class '${kind}'>:${message}` };
}

const SUPERVISOR_STATES = { RUNNING: 1, RESTARTING: 0, SHUTDOWN: -1 } as const;

const RUNS = new Map<string, Run>([
  ['supervisor.addProcessGroup', whenUp(addProcessGroup)],
  ['supervisor.clearAllProcessLogs', logs.clearAllProcessLogs],
  ['supervisor.clearLog', logs.clearMainLog],
  ['supervisor.clearProcessLog', logs.clearProcessLogs],
  ['supervisor.clearProcessLogs', logs.clearProcessLogs],
  ['supervisor.getAPIVersion', whenUp(() => API_VERSION)],
  ['supervisor.getAllConfigInfo', whenUp(({ pool }) => allConfigInfo(pool))],
  [
    'supervisor.getAllProcessInfo',
    whenUp(({ pool }) => allByName(pool).map(({ process }) => processInfo(process.view, Date.now()))),
  ],
  ['supervisor.getIdentification', whenUp(({ pool }) => pool.identifier)],
  ['supervisor.getPID', whenUp(() => process.pid)],
  [
    'supervisor.getProcessInfo',
    whenUp(({ pool }, [name]) => processInfo(resolveProcess(pool, name).process.view, Date.now())),
  ],
  [
    'supervisor.getState',
    whenUp(({ pool }) => ({ statecode: SUPERVISOR_STATES[pool.state], statename: pool.state })),
  ],
  ['supervisor.getSupervisorVersion', whenUp(() => SUPERVISOR_VERSION)],
  ['supervisor.getVersion', whenUp(() => API_VERSION)],
  ['supervisor.readLog', logs.readMainLog],
  ['supervisor.readMainLog', logs.readMainLog],
  ['supervisor.readProcessLog', logs.readProcessLog('stdout')],
  ['supervisor.readProcessStderrLog', logs.readProcessLog('stderr')],
  ['supervisor.readProcessStdoutLog', logs.readProcessLog('stdout')],
  ['supervisor.reloadConfig', whenUp(reloadConfig)],
  ['supervisor.removeProcessGroup', whenUp(removeProcessGroup)],
  ['supervisor.restart', whenUp(acknowledge((pool) => pool.restartAll()))],
  ['supervisor.sendProcessStdin', whenUp(sendProcessStdin)],
  [
    'supervisor.sendRemoteCommEvent',
    acknowledge((pool, [type, data]) => pool.remoteEvent(asText(type), asText(data))),
  ],
  ['supervisor.shutdown', whenUp(acknowledge((pool) => pool.shutdown()))],
  ['supervisor.signalAllProcesses', whenUp((cx, [s]) => signalMany(cx, processes.everyone(cx.pool), s))],
  ['supervisor.signalProcess', whenUp(signalProcess)],
  ['supervisor.signalProcessGroup', whenUp((cx, [name, s]) => signalMany(cx, membersOf(cx, name), s))],
  [
    'supervisor.startAllProcesses',
    whenUp((cx, [wait]) => processes.startMany(cx, processes.everyone(cx.pool), waits(wait))),
  ],
  ['supervisor.startProcess', whenUp(startProcess)],
  [
    'supervisor.startProcessGroup',
    whenUp((cx, [name, wait]) => processes.startMany(cx, membersOf(cx, name), waits(wait))),
  ],
  [
    'supervisor.stopAllProcesses',
    whenUp((cx, [wait]) => processes.stopMany(cx, processes.everyone(cx.pool), waits(wait))),
  ],
  ['supervisor.stopProcess', whenUp(stopProcess)],
  [
    'supervisor.stopProcessGroup',
    whenUp((cx, [name, wait]) => processes.stopMany(cx, membersOf(cx, name), waits(wait))),
  ],
  ['supervisor.tailProcessLog', logs.tailProcessLog('stdout')],
  ['supervisor.tailProcessStderrLog', logs.tailProcessLog('stderr')],
  ['supervisor.tailProcessStdoutLog', logs.tailProcessLog('stdout')],
  ['system.listMethods', () => [...METHOD_TEXTS.keys()].sort()],
  ['system.methodHelp', methodHelp],
  ['system.methodSignature', methodSignature],
  ['system.multicall', multicall],
]);
