// The error logs of one configuration: that of the process, and those of its levels, in which an exchange's failures are written.
import type { RuntimeLog } from '../compile.ts';
import type { Model } from '../config/model.ts';
import { FACES, type FaceName } from '../face/face.ts';
import { createLogs, type Log } from '../observe/error-log.ts';
import type { LogFiles } from '../observe/log-files.ts';
import type { ErrorLogSetting } from '../observe/rows.ts';
import { NginxRequestLog } from './nginx-request-log.ts';
import { RequestLog } from './request-log.ts';

/** In whose words exchanges are told of. */
const REQUEST_LOGS: Readonly<Record<FaceName, new (log: Log, model: Model) => RuntimeLog>> = {
  lbproxy: RequestLog,
  nginx: NginxRequestLog,
};

export class RuntimeLogs {
  readonly main: Log;
  /** Of the http level. */
  readonly requests: RuntimeLog;
  readonly #model: Model;
  readonly #files: LogFiles;
  readonly #logs = new Map<readonly ErrorLogSetting[], Log>();
  readonly #requestLogs = new Map<readonly ErrorLogSetting[], RuntimeLog>();

  /** Throws LogFileError when a log cannot be opened. */
  constructor(model: Model, files: LogFiles) {
    this.#model = model;
    this.#files = files;
    this.main = this.#open(model.settings.processLog);
    this.requests = this.of(model.settings.errorLog);
  }

  /** From now on problems of the log files themselves are written here. */
  use(): void {
    this.#files.report = (message) => this.main.error(message);
  }

  /** That of a level: the same for the same logs. */
  of(settings: readonly ErrorLogSetting[]): RuntimeLog {
    const { face } = this.#model.settings;
    const log = this.#requestLogs.get(settings) ?? new REQUEST_LOGS[face](this.#open(settings), this.#model);
    this.#requestLogs.set(settings, log);
    return log;
  }

  #open(settings: readonly ErrorLogSetting[]): Log {
    const { form, logLevel } = FACES[this.#model.settings.face];
    const own = settings.map(({ path, level }) => ({
      path,
      level: level ?? logLevel,
      ...(form === undefined ? {} : { form }),
    }));
    const log = this.#logs.get(settings) ?? createLogs(own, this.#files);
    this.#logs.set(settings, log);
    return log;
  }
}
