// What the primary tells beside traffic: reloads, processes of programs, when certificates end.
import { X509Certificate } from 'node:crypto';
import type { Model } from '../config/model.ts';
import type {
  CertificateSnapshot,
  ProcessSnapshot,
  ProgramSnapshot,
  ReloadsSnapshot,
} from '../observe/traffic/snapshot.ts';
import { constantOf } from '../route/template.ts';
import type { ProcessView } from '../supervise/control/face.ts';
import type { TlsMessage } from './messages.ts';

/** What came of the reloads so far. */
export class ReloadCounts {
  #done = 0;
  #refused = 0;
  #lastDoneAtMs = Date.now();
  #lastOk = true;

  add(ok: boolean): void {
    this.#lastOk = ok;
    if (ok) {
      this.#done++;
      this.#lastDoneAtMs = Date.now();
    } else this.#refused++;
  }

  get snapshot(): ReloadsSnapshot {
    const [done, refused] = [this.#done, this.#refused];
    return { done, refused, lastDoneAtMs: this.#lastDoneAtMs, lastOk: this.#lastOk };
  }
}

const STATES = ['STOPPED', 'STARTING', 'RUNNING', 'BACKOFF', 'STOPPING', 'EXITED', 'FATAL'] as const;

/** Restarts of programs: a process that is replaced begins to count anew, its program does not. */
export class ProgramCounts {
  /** Of processes that are gone, by program. */
  readonly #before = new Map<string, number>();
  #last: readonly ProcessSnapshot[] = [];

  snapshot(processes: readonly ProcessSnapshot[]): ProgramSnapshot[] {
    const present = new Map(processes.map((one) => [one.process, one.restarts]));
    for (const { process, program, restarts } of this.#last) {
      if ((present.get(process) ?? -1) >= restarts) continue;
      this.#before.set(program, (this.#before.get(program) ?? 0) + restarts);
    }
    this.#last = processes;
    const programs = Map.groupBy(processes, ({ program }) => program);
    for (const program of this.#before.keys()) if (!programs.has(program)) this.#before.delete(program);
    return [...programs].map(([program, all]) => ({
      program,
      states: Object.fromEntries(
        STATES.map((state) => [state, all.filter((one) => one.state === state).length]),
      ),
      ready: all.filter(({ ready }) => ready).length,
      restarts: all.reduce((sum, { restarts }) => sum + restarts, this.#before.get(program) ?? 0),
    }));
  }
}

export function processSnapshot(view: ProcessView): ProcessSnapshot {
  const { program, name, state, pid, ready, restarts, startedAtMs } = view;
  return { program, process: name, state, pid, ready, restarts, startedAtMs };
}

/** Of certificates only the file and the end are kept. */
const read = new WeakMap<TlsMessage, readonly CertificateSnapshot[]>();

/** Those that clients of the configuration are shown, one a file. */
export function certificateSnapshots(model: Model, tls: TlsMessage): readonly CertificateSnapshot[] {
  const known = read.get(tls);
  if (known !== undefined) return known;
  const files = new Set<string>();
  for (const { settings } of model.servers) {
    if (!settings.listens.some((listen) => listen.ssl)) continue;
    for (const place of settings.sslCertificate) {
      const file = place === 'self-signed' ? tls.selfSigned?.certificate : constantOf(place);
      if (file !== undefined) files.add(file);
    }
  }
  const certificates = [...files].flatMap((file) => readCertificate(file, tls.files[file]));
  read.set(tls, certificates);
  return certificates;
}

/** The first of the file is the server's own. What cannot be read, the acceptors have complained of. */
function readCertificate(file: string, text: string | undefined): CertificateSnapshot[] {
  if (text === undefined) return [];
  try {
    const certificate = new X509Certificate(Buffer.from(text, 'latin1'));
    const { subject, subjectAltName, validToDate } = certificate;
    const name =
      /^CN=(.*)$/m.exec(subject ?? '')?.[1] ??
      /(?:DNS|IP Address):([^,]+)/.exec(subjectAltName ?? '')?.[1] ??
      '';
    return [{ file, name, notAfterMs: validToDate.getTime() }];
  } catch {
    return [];
  }
}
