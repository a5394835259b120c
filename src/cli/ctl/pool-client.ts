// lbproxy's own control interface, for what XML-RPC cannot say: POST /ctl, one answer a line (supervise/control/ctl-protocol.ts).
import type {
  CtlAnswer,
  CtlData,
  CtlInfo,
  CtlRequest,
  CtlResult,
} from '../../supervise/control/ctl-protocol.ts';
import { PythonError } from './python-error.ts';
import { ask, bodyOf, type Limits, type Server } from './transport.ts';
import { ProtocolError } from './xmlrpc-client.ts';

/** Where the answers go as they come. */
export interface Listener {
  line(text: string): void;
  result(result: CtlResult): void;
}

export interface Done {
  readonly ok: boolean;
  readonly text: string;
  readonly data: CtlData | null;
}

/** An answer is a line or a process: longer ones are none of ours. */
const LONGEST_LINE = 64 * 1024 * 1024;

export class PoolClient {
  readonly #server: Server;
  readonly #limits: Limits;

  constructor(server: Server, limits: Limits) {
    this.#server = server;
    this.#limits = limits;
  }

  /** What the server is; null when it is a supervisord. */
  async info(): Promise<CtlInfo | null> {
    try {
      const { data } = await this.request({ command: 'info', args: {} }, SILENT);
      return data?.kind === 'info' ? data : null;
    } catch (error) {
      // Supervisor answers 400 to what it does not know; a proxy in front of it may say otherwise.
      if (error instanceof ProtocolError && error.status >= 400 && error.status !== 401) return null;
      throw error;
    }
  }

  async request(request: CtlRequest, listener: Listener): Promise<Done> {
    const response = await ask(this.#server, {
      method: 'POST',
      path: '/ctl',
      headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
      body: JSON.stringify(request),
      limits: this.#limits,
    });
    const { statusCode = 0, statusMessage = '' } = response;
    if (statusCode !== 200) {
      const text = (await bodyOf(response)).toString('utf8').trim();
      if (statusCode === 400 && request.command !== 'info') throw new Error(text);
      throw new ProtocolError(statusCode, statusMessage);
    }
    response.setEncoding('utf8');
    let rest = '';
    for await (const piece of response as AsyncIterable<string>) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) break;
      for (const line of lines) {
        const done = tell(answerOf(line), listener);
        if (done !== null) return done;
      }
    }
    throw new PythonError('http.client.IncompleteRead', 'the server broke off before it was done');
  }
}

const SILENT: Listener = { line: () => {}, result: () => {} };

function answerOf(line: string): CtlAnswer {
  try {
    return JSON.parse(line);
  } catch {
    throw new PythonError('ValueError', `no answer of lbproxy: ${line.slice(0, 80)}`);
  }
}

function tell(answer: CtlAnswer, listener: Listener): Done | null {
  if ('done' in answer) return answer;
  if ('line' in answer) listener.line(answer.line);
  else listener.result(answer.result);
  return null;
}
