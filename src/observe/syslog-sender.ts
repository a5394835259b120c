// Lines to a syslog server over UDP, one packet each, or to the machine's own through `logger`: Node has no Unix datagram sockets.

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { MONTHS, systemClock, timeOfDay } from '../shared/clock.ts';
import { parseSyslog, type SyslogTarget } from '../shared/syslog-target.ts';

/** As much may wait for `logger`, or for the server's name. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** A `logger` that has ended is not started again sooner: where nobody listens it ends at once. */
const RESTART_MS = 1000;

/** One target of error logs and access logs. What cannot be sent is lost, as packets are. */
export class SyslogSender {
  readonly #target: SyslogTarget;
  readonly #host = hostname();
  #socket: Socket | null = null;
  /** Of the server, once its name was found; '' before. */
  #address = '';
  #logger: ChildProcess | null = null;
  /** When the last one was started; monotonic ms. */
  #startedAt = Number.NEGATIVE_INFINITY;
  #underWayBytes = 0;
  #idle: (() => void)[] = [];

  /** Throws where the text is none that `parseSyslog` takes. */
  constructor(text: string) {
    const target = parseSyslog(text);
    if (typeof target === 'string') throw new Error(target);
    this.#target = target;
  }

  /** A line without its end, bytes as latin1. `severity` as syslog counts; that of the target without. */
  send(line: string, severity = this.#target.severity): void {
    const { server, facility, tag } = this.#target;
    const priority = facility * 8 + severity;
    // A line end within would begin a message of its own there, with a priority that a client chose.
    if ('path' in server) return this.#log(server.path, `<${priority}>${line.replace(/[\r\n]/g, ' ')}\n`);
    const host = this.#target.hostname ? `${this.#host} ` : '';
    const packet = Buffer.from(`<${priority}>${syslogTime(new Date())} ${host}${tag}: ${line}`, 'latin1');
    if (this.#underWayBytes + packet.length > MAX_WAITING_BYTES) return;
    this.#underWayBytes += packet.length;
    const socket = this.#open(server.host);
    socket.send(packet, server.port, this.#address || server.host, () => {
      if (this.#socket !== socket) return;
      this.#underWayBytes -= packet.length;
      if (this.#underWayBytes === 0) this.#settle();
    });
  }

  /** Resolves once what was sent is on its way. */
  flush(): Promise<void> {
    if (this.#underWayBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#logger?.stdin?.end();
    this.#logger = null;
    void this.flush().then(() => this.#drop());
  }

  #settle(): void {
    for (const done of this.#idle.splice(0)) done();
  }

  /** What is under way is lost. */
  #drop(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#underWayBytes = 0;
    this.#settle();
  }

  #open(host: string): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      // As in nginx a name is looked up once, not for each packet.
      lookup: (name, options, done) =>
        lookup(name, options, (error, address, family) => {
          if (error === null && name === host) this.#address = address;
          done(error, address, family);
        }),
    });
    socket.on('error', () => {
      if (this.#socket === socket) this.#drop();
    });
    // Its own: acceptors would share one through the primary.
    socket.bind({ port: 0, exclusive: true });
    this.#socket = socket.unref();
    return socket;
  }

  #log(path: string, line: string): void {
    const now = systemClock.now();
    if (this.#logger === null) {
      if (now - this.#startedAt < RESTART_MS) return;
      this.#startedAt = now;
      this.#logger = this.#startLogger(path);
    }
    const { stdin } = this.#logger;
    if (stdin !== null && stdin.writableLength < MAX_WAITING_BYTES) stdin.write(line, 'latin1');
  }

  #startLogger(path: string): ChildProcess {
    const options = ['--prio-prefix', '--socket', path, '--tag', this.#target.tag, '--size', '65536'];
    const child = spawn('logger', options, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    const over = (): void => {
      if (this.#logger === child) this.#logger = null;
    };
    child.on('error', over).on('close', over).unref();
    child.stdin?.on('error', over);
    return child;
  }
}

/** `Nov  6 09:05:03` */
function syslogTime(date: Date): string {
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${timeOfDay(date)}`;
}
