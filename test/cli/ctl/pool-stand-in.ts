// An lbproxy as ctl sees it: Supervisor's interface and /ctl on one socket, with the processes that a test gives it.
import fs from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { CtlAnswer, CtlProcess, CtlRequest } from '../../../src/supervise/control/ctl-protocol.ts';

export interface StandIn {
  readonly url: string;
  readonly socket: string;
  readonly asked: CtlRequest[];
  /** What the next command is answered with. */
  answers: readonly CtlAnswer[];
  processes: readonly CtlProcess[];
  stop(): Promise<void>;
}

export function processView(n: number, more: Partial<CtlProcess> = {}): CtlProcess {
  return {
    group: 'web',
    name: `web${n}`,
    program: 'web',
    namespec: `web:web${n}`,
    state: 'RUNNING',
    stateCode: 20,
    description: `pid ${1000 + n}, uptime 0:00:0${n % 10}`,
    pid: 1000 + n,
    startedAtMs: 1_700_000_000_000,
    stoppedAtMs: 0,
    exitStatus: 0,
    problem: null,
    spawnError: '',
    stdoutLog: `/logs/web${n}.log`,
    stderrLog: null,
    port: 8000 + n,
    ready: true,
    inFlight: 0,
    restarts: 0,
    ...more,
  };
}

export async function startStandIn(processes: readonly CtlProcess[]): Promise<StandIn> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-ctl-'));
  const socket = path.join(dir, 's.sock');
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece;
    });
    request.on('end', () =>
      request.url === '/ctl' ? answerCtl(standIn, body, response) : answerRpc(standIn, body, response),
    );
  });
  const standIn: StandIn = {
    url: `unix://${socket}`,
    socket,
    asked: [],
    answers: [],
    processes,
    stop: () => stopServer(server, dir),
  };
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return standIn;
}

function answerCtl(standIn: StandIn, body: string, response: ServerResponse): void {
  const request: CtlRequest = JSON.parse(body);
  if (request.command !== 'info') standIn.asked.push(request);
  const done = { done: true, ok: true, text: '' } as const;
  const answers: readonly CtlAnswer[] =
    request.command === 'info'
      ? [
          {
            ...done,
            data: {
              kind: 'info',
              version: '1',
              pid: 1,
              identifier: 'supervisor',
              state: 'RUNNING',
              mainLog: null,
              groups: [],
            },
          },
        ]
      : request.command === 'status'
        ? [{ ...done, data: { kind: 'status', processes: standIn.processes } }]
        : standIn.answers;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.end(answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''));
}

function answerRpc(standIn: StandIn, body: string, response: ServerResponse): void {
  const method = /<methodName>supervisor\.(\w+)/.exec(body)?.[1];
  const value =
    method === 'getVersion' ? '<string>3.0</string>' : method === 'getAllProcessInfo' ? infos(standIn) : '';
  response.end(
    `<?xml version='1.0'?><methodResponse><params><param><value>${value}</value></param></params></methodResponse>`,
  );
}

function infos({ processes }: StandIn): string {
  const now = 1_700_000_060;
  const structs = processes.map((p) =>
    struct({
      name: p.name,
      group: p.group,
      state: p.stateCode,
      statename: p.state,
      description: p.description,
      pid: p.pid,
      start: Math.floor(p.startedAtMs / 1000),
      stop: Math.floor(p.stoppedAtMs / 1000),
      now,
      exitstatus: p.exitStatus,
      spawnerr: p.problem ?? '',
      stdout_logfile: p.stdoutLog ?? '',
      stderr_logfile: p.stderrLog ?? '',
    }),
  );
  return `<array><data>${structs.map((text) => `<value>${text}</value>\n`).join('')}</data></array>`;
}

function struct(members: Readonly<Record<string, string | number>>): string {
  const text = Object.entries(members).map(([name, value]) => {
    const type = typeof value === 'number' ? 'int' : 'string';
    return `<member>\n<name>${name}</name>\n<value><${type}>${value}</${type}></value>\n</member>\n`;
  });
  return `<struct>\n${text.join('')}</struct>`;
}

async function stopServer(server: Server, dir: string): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  fs.rmSync(dir, { recursive: true, force: true });
}
