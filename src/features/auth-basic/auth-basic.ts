// The step of auth_basic: a name and a password that stand in the user file, as ngx_http_auth_basic_handler does it.
import { readFile } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Exchange, Step } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import { ALLOW, GO_ON, STOP, type StepResult } from '../../exchange/slots.ts';
import { type Credentials, readCredentials } from '../../http/basic-credentials.ts';
import { compileTemplate, constantOf } from '../../route/template.ts';
import { failedCall } from '../../shared/failed-call.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { passwordChecks, type Verdict } from './password-checks.ts';
import { passwordOf } from './user-file.ts';

export const AUTH_BASIC: Feature = {
  name: 'auth_basic',
  step(place) {
    const { authBasic, authBasicUserFile } = place.settings;
    if (authBasic === null || authBasicUserFile === null || constantOf(authBasic) === 'off') return null;
    return new AuthBasicStep(place, authBasic, authBasicUserFile);
  },
};

class AuthBasicStep implements Step {
  readonly slot = 'auth_basic';
  readonly #place: FeaturePlace;
  readonly #realm: (x: Exchange) => string;
  readonly #file: (x: Exchange) => string;

  constructor(place: FeaturePlace, realm: string, file: string) {
    this.#place = place;
    this.#realm = compileTemplate(realm, place.lookup);
    this.#file = compileTemplate(file, place.lookup);
  }

  run(x: Exchange): StepResult {
    const realm = this.#realm(x);
    if (realm === 'off') return GO_ON;
    const credentials = readCredentials(x.request.get('authorization'));
    if (credentials === null) {
      this.#place.report(x, 'info', 'no user/password was provided for basic authentication');
      return challenge(x, realm);
    }
    const file = this.#file(x);
    const { prefix, settings } = this.#place;
    const path = isAbsolute(file) ? file : `${settings.configPrefix || prefix}/${file}`;
    new Login(x, this.#place, { path, realm, credentials }).begin();
    return STOP;
  }
}

/** A realm cannot end its field: a variable may hold anything. */
function challenge(x: Exchange, realm: string): StepResult {
  x.errorLines = `WWW-Authenticate: Basic realm="${realm.replace(/[\r\n\0]/g, '')}"\r\n`;
  return 401;
}

interface Claim {
  /** Bytes as latin1. */
  readonly path: string;
  readonly realm: string;
  readonly credentials: Credentials;
}

/** One request's name and password while they are looked up; a client that leaves meanwhile makes the ticket stale. */
class Login implements Source {
  readonly survivesHalfClose = true;
  readonly #x: Exchange;
  readonly #place: FeaturePlace;
  readonly #claim: Claim;
  readonly #ticket: number;

  constructor(x: Exchange, place: FeaturePlace, claim: Claim) {
    this.#x = x;
    this.#place = place;
    this.#claim = claim;
    this.#ticket = x.wait(this);
  }

  onDrain(): void {}
  onGone(): void {}

  begin(): void {
    const { path } = this.#claim;
    const bytes = Buffer.from(path.split('\0', 1)[0], 'latin1');
    readFile(bytes, 'latin1', (error, text) => {
      if (!this.#x.isCurrent(this.#ticket)) return;
      if (error === null) this.#compare(text);
      else this.#resume(this.#unread(error));
    });
  }

  #unread(error: NodeJS.ErrnoException): StepResult {
    const missing = error.code === 'ENOENT';
    this.#place.report(this.#x, missing ? 'error' : 'crit', failedCall('open()', this.#claim.path, error));
    return missing ? 403 : 500;
  }

  #compare(text: string): void {
    const { credentials, path } = this.#claim;
    const { user, password } = credentials;
    const entry = passwordOf(text, user);
    if (entry === undefined) return this.#refuse(`user "${user}" was not found in "${path}"`);
    const waits = (): boolean => this.#x.isCurrent(this.#ticket);
    const done = (verdict: Verdict): void => {
      if (!waits()) return;
      if (verdict === 'right') this.#resume(ALLOW);
      else if (verdict === 'wrong') this.#refuse(`user "${user}": password mismatch`);
      else {
        this.#place.report(this.#x, 'crit', `user "${user}": the password could not be compared in time`);
        this.#resume(500);
      }
    };
    passwordChecks.check({ password, entry }, done, waits);
  }

  #refuse(why: string): void {
    this.#place.report(this.#x, 'error', why);
    this.#resume(challenge(this.#x, this.#claim.realm));
  }

  #resume(result: StepResult): void {
    this.#x.resume(this.#ticket, result);
  }
}
