// A location as it is read: what lbproxy makes of its directives and says of them, and whether nginx, where it is installed, says nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Settings } from '../../../src/config/model.ts';
import { nginxComplaint, nginxVersion, tempPaths } from '../../support/nginx.ts';
import { readModel } from '../../support/proxy.ts';

export class LocationReader {
  readonly #dir = mkdtempSync(join(tmpdir(), 'lbproxy-location-'));
  readonly #http: string;

  /** `http`: what stands beside the server; DIR in it is a directory of its own. */
  constructor(http: string) {
    this.#http = http.replaceAll('DIR', this.#dir);
  }

  #around(text: string, more = ''): string {
    const server = `server { listen 127.0.0.1:9; location / { ${text} } }`;
    return `events { } http { access_log off; ${more} ${this.#http} ${server} }`;
  }

  settingsOf(text: string): Settings {
    const { model, remove } = readModel(this.#around(text));
    remove();
    return model.servers[0].locations[0].settings;
  }

  /** '' where nothing is said. */
  complaint(text: string): string {
    try {
      readModel(this.#around(text)).remove();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** `message`: what is said; '' where nothing is. nginx says something or nothing as well. */
  expectSaid(text: string, message: string): void {
    const ours = this.complaint(text);
    if (message === '') expect(ours).toBe('');
    else expect(ours).toContain(message);
    if (nginxVersion === '') return;
    const theirs = nginxComplaint(this.#dir, this.#around(text, tempPaths(this.#dir)));
    expect([text, theirs === '']).toEqual([text, message === '']);
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
