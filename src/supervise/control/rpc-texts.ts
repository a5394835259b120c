// What each method of the XML-RPC interface does, takes and answers: system.methodHelp and methodSignature, and how many arguments it takes.

export interface MethodText {
  readonly about: string;
  readonly params: readonly Param[];
  /** XML-RPC's type of the answer. */
  readonly answers: string;
  readonly result: string;
}

interface Param {
  readonly type: string;
  readonly name: string;
  readonly about: string;
  readonly optional?: true;
}

const name: Param = { type: 'string', name: 'name', about: 'the process, as name or group:name' };
const names: Param = { type: 'string', name: 'name', about: 'the process, as name, group:name or group:*' };
const group: Param = { type: 'string', name: 'name', about: 'the group' };
const wait: Param = {
  type: 'boolean',
  name: 'wait',
  about: 'whether to wait until it is done; true where it is left out',
  optional: true,
};
const signal: Param = { type: 'string', name: 'signal', about: 'the signal, as HUP or 1' };
const offset: Param = {
  type: 'int',
  name: 'offset',
  about: 'the first byte; a negative one is counted from the end',
};
const length: Param = { type: 'int', name: 'length', about: 'how many bytes; 0 for all that follow' };
const tailOffset: Param = { type: 'int', name: 'offset', about: 'the first byte' };
const tailLength: Param = { type: 'int', name: 'length', about: 'how many bytes at most' };
const method: Param = { type: 'string', name: 'name', about: 'a method of this list' };

const OK = 'true, or a fault';
const RESULTS = 'of each process a struct of name, group, status (a fault code, 80 for done) and description';
const PIECE = 'the piece as text';
const TAIL = 'the text, the size of the log, and whether the log is longer than offset and length together';

function text(about: string, params: readonly Param[], answers: string, result: string): MethodText {
  return { about, params, answers, result };
}

const tail = (channel: string): MethodText =>
  text(
    `The end of what the process wrote to ${channel}, for a caller that asks again and again.`,
    [name, tailOffset, tailLength],
    'array',
    TAIL,
  );

const read = (channel: string): MethodText =>
  text(`A piece of what the process wrote to ${channel}.`, [name, offset, length], 'string', PIECE);

const apiVersion = text('The version of this interface.', [], 'string', 'such as 3.0');
const readMain = text("A piece of lbproxy's own log.", [offset, length], 'string', PIECE);
const clear = text('Empties the logs of the process while it runs.', [name], 'boolean', OK);

export const METHOD_TEXTS: ReadonlyMap<string, MethodText> = new Map([
  [
    'supervisor.addProcessGroup',
    text('Takes a group of the configuration into what runs.', [group], 'boolean', OK),
  ],
  [
    'supervisor.clearAllProcessLogs',
    text('Empties the logs of all processes that run.', [], 'array', RESULTS),
  ],
  ['supervisor.clearLog', text("Empties lbproxy's own log.", [], 'boolean', OK)],
  ['supervisor.clearProcessLog', clear],
  ['supervisor.clearProcessLogs', clear],
  ['supervisor.getAPIVersion', apiVersion],
  [
    'supervisor.getAllConfigInfo',
    text(
      'The configuration of all processes, running or not.',
      [],
      'array',
      'a struct of each, sorted by name',
    ),
  ],
  [
    'supervisor.getAllProcessInfo',
    text('What is known of all processes.', [], 'array', 'a struct of each, sorted by group and name'),
  ],
  [
    'supervisor.getIdentification',
    text('The identifier of the configuration.', [], 'string', 'the identifier'),
  ],
  ['supervisor.getPID', text('The process id of lbproxy.', [], 'int', 'the id')],
  [
    'supervisor.getProcessInfo',
    text('What is known of a process.', [name], 'struct', 'its state, times, logs, process id and more'),
  ],
  [
    'supervisor.getState',
    text('The state of lbproxy itself.', [], 'struct', 'statecode (int) and statename'),
  ],
  [
    'supervisor.getSupervisorVersion',
    text('The release of Supervisor whose interface this is.', [], 'string', 'such as 4.2.5'),
  ],
  ['supervisor.getVersion', apiVersion],
  ['supervisor.readLog', readMain],
  ['supervisor.readMainLog', readMain],
  ['supervisor.readProcessLog', read('stdout')],
  ['supervisor.readProcessStderrLog', read('stderr')],
  ['supervisor.readProcessStdoutLog', read('stdout')],
  [
    'supervisor.reloadConfig',
    text(
      'Reads the configuration anew. Nothing is started or stopped.',
      [],
      'array',
      'one array of three: the names of the groups that are new, that differ, and that are gone',
    ),
  ],
  [
    'supervisor.removeProcessGroup',
    text('Takes a group whose processes are stopped out of what runs.', [group], 'boolean', OK),
  ],
  ['supervisor.restart', text('Stops all, reads the configuration, and starts anew.', [], 'boolean', OK)],
  [
    'supervisor.sendProcessStdin',
    text(
      'Writes to stdin of a process, as UTF-8.',
      [name, { type: 'string', name: 'chars', about: 'the text' }],
      'boolean',
      OK,
    ),
  ],
  [
    'supervisor.sendRemoteCommEvent',
    text(
      'Sends an event to the listeners of REMOTE_COMMUNICATION.',
      [
        { type: 'string', name: 'type', about: 'the type in its head' },
        { type: 'string', name: 'data', about: 'its body' },
      ],
      'boolean',
      OK,
    ),
  ],
  ['supervisor.shutdown', text('Stops all processes and ends lbproxy.', [], 'boolean', OK)],
  ['supervisor.signalAllProcesses', text('Sends a signal to all processes.', [signal], 'array', RESULTS)],
  ['supervisor.signalProcess', text('Sends a signal to a process.', [names, signal], 'boolean', OK)],
  [
    'supervisor.signalProcessGroup',
    text('Sends a signal to the processes of a group.', [group, signal], 'array', RESULTS),
  ],
  ['supervisor.startAllProcesses', text('Starts all processes.', [wait], 'array', RESULTS)],
  ['supervisor.startProcess', text('Starts a process.', [names, wait], 'boolean', OK)],
  ['supervisor.startProcessGroup', text('Starts the processes of a group.', [group, wait], 'array', RESULTS)],
  ['supervisor.stopAllProcesses', text('Stops all processes.', [wait], 'array', RESULTS)],
  ['supervisor.stopProcess', text('Stops a process.', [names, wait], 'boolean', OK)],
  ['supervisor.stopProcessGroup', text('Stops the processes of a group.', [group, wait], 'array', RESULTS)],
  ['supervisor.tailProcessLog', tail('stdout')],
  ['supervisor.tailProcessStderrLog', tail('stderr')],
  ['supervisor.tailProcessStdoutLog', tail('stdout')],
  ['system.listMethods', text('The names of all methods.', [], 'array', 'the names, sorted')],
  ['system.methodHelp', text('What a method does.', [method], 'string', 'a text like this one')],
  [
    'system.methodSignature',
    text(
      'The types that a method answers and takes.',
      [method],
      'array',
      'the type of the answer, then of each argument',
    ),
  ],
  [
    'system.multicall',
    text(
      'Calls several methods, one after the other.',
      [{ type: 'array', name: 'calls', about: 'structs of methodName and params' }],
      'array',
      'of each call its answer, or a struct of faultCode and faultString',
    ),
  ],
]);
