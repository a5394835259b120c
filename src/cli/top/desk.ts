// What keys mean in `lbproxy top`: which view is shown, what is chosen in it, what is asked of a peer or a program.

import { padEnd, textWidth } from '../../observe/text-width.ts';
import type { PeerLine, Reading } from './readings.ts';
import { type Look, line, styled } from './table.ts';
import { processesOf, VIEWS, type ViewName, viewLines } from './views.ts';

/** What is asked of lbproxy. */
export interface Wish {
  readonly what: 'peers' | 'programs';
  readonly body: Readonly<Record<string, string | number>>;
  /** While it is under way. */
  readonly text: string;
}

export interface DeskUse {
  quit(): void;
  wish(wish: Wish): void;
  /** The filter, or what is paused, has changed: read again. */
  read(): void;
  suspend(): void;
}

/** A line that is typed: the filter, or a weight. */
interface Typing {
  readonly kind: 'filter' | 'weight';
  readonly label: string;
  text: string;
}

const PEER_ACTIONS: Readonly<Record<string, string>> = { d: 'drain', u: 'up' };
const PAGE = 10;

export class Desk {
  readonly #use: DeskUse;
  view: ViewName = 'overview';
  filter = '';
  paused = false;
  reading: Reading | null = null;
  /** What went wrong, or what became of a wish; shown until the next key. */
  note: { readonly text: string; readonly isBad: boolean } | null = null;
  readonly #chosen: Record<ViewName, number> = { overview: 0, peers: 0, programs: 0, requests: 0 };
  #typing: Typing | null = null;

  constructor(use: DeskUse) {
    this.#use = use;
  }

  key(name: string): void {
    if (name === 'ctrl-c') return this.#use.quit();
    if (name === 'ctrl-z') return this.#use.suspend();
    if (this.#typing !== null) return this.#type(this.#typing, name);
    this.note = null;
    if (name === 'q' || name === 'ctrl-d') return this.#use.quit();
    if (/^[1-4]$/.test(name)) this.view = VIEWS[Number(name) - 1];
    else if (name === 'tab' || name === 'right') this.#turn(1);
    else if (name === 'back-tab' || name === 'left') this.#turn(VIEWS.length - 1);
    else if (name === 'p') this.#pause();
    else if (name === '/')
      this.#typing = { kind: 'filter', label: 'filter of requests: ', text: this.filter };
    else if (name === 'escape') this.#setFilter('');
    else if (!this.#move(name)) this.#act(name);
  }

  #turn(by: number): void {
    this.view = VIEWS[(VIEWS.indexOf(this.view) + by) % VIEWS.length];
  }

  #pause(): void {
    this.paused = !this.paused;
    if (!this.paused) this.#use.read();
  }

  #setFilter(text: string): void {
    if (text === this.filter) return;
    this.filter = text;
    this.#chosen.requests = 0;
    this.#use.read();
  }

  #type(typing: Typing, name: string): void {
    if (name === 'escape') this.#typing = null;
    else if (name === 'backspace') typing.text = typing.text.replace(/.$/su, '');
    else if (name === 'ctrl-u') typing.text = '';
    else if (name === 'enter') {
      this.#typing = null;
      if (typing.kind === 'weight') return this.#wishWeight(typing.text);
      if (this.view !== 'overview') this.view = 'requests';
      this.#setFilter(typing.text.trim());
    } else if ([...name].length === 1) typing.text += name;
  }

  #move(name: string): boolean {
    const last = this.#count() - 1;
    const now = this.#at();
    const steps: Readonly<Record<string, number>> = {
      up: now - 1,
      k: now - 1,
      down: now + 1,
      j: now + 1,
      'page-up': now - PAGE,
      'page-down': now + PAGE,
      home: 0,
      end: last,
    };
    if (!Object.hasOwn(steps, name)) return false;
    this.#chosen[this.view] = Math.max(0, Math.min(last, steps[name]));
    return true;
  }

  #count(): number {
    const { reading } = this;
    if (reading === null || this.view === 'overview') return 0;
    if (this.view === 'peers') return reading.peers.length;
    return this.view === 'programs' ? processesOf(reading).length : reading.requests.length;
  }

  /** Lines may have gone since it was chosen. */
  #at(): number {
    return Math.max(0, Math.min(this.#chosen[this.view], this.#count() - 1));
  }

  #act(name: string): void {
    if (this.view === 'programs' && name === 'r') return this.#restart();
    if (name !== 'w' && !Object.hasOwn(PEER_ACTIONS, name)) return;
    const peer = this.#peer();
    if (peer === undefined) this.note = { text: 'choose a peer first: 2, and the arrows', isBad: true };
    else if (peer.state === '')
      this.note = {
        text: `${peer.peer} stands in no upstream: nothing else could be asked instead`,
        isBad: true,
      };
    else if (name === 'w') this.#typing = { kind: 'weight', label: `weight of ${peer.peer}: `, text: '' };
    else this.#wishPeer(peer, PEER_ACTIONS[name], {});
  }

  #peer(): PeerLine | undefined {
    return this.view === 'peers' ? this.reading?.peers[this.#at()] : undefined;
  }

  #wishWeight(text: string): void {
    const peer = this.#peer();
    if (peer === undefined || text.trim() === '') return;
    if (!/^\d{1,5}$/.test(text.trim())) {
      this.note = { text: 'a weight is a number from 1 to 65535', isBad: true };
      return;
    }
    this.#wishPeer(peer, 'weight', { weight: Number(text) });
  }

  #wishPeer({ upstream, peer }: PeerLine, action: string, more: Readonly<Record<string, number>>): void {
    this.#use.wish({ what: 'peers', body: { upstream, peer, action, ...more }, text: `${action} ${peer} …` });
  }

  #restart(): void {
    const chosen = this.reading === null ? undefined : processesOf(this.reading)[this.#at()];
    if (chosen === undefined) return;
    const { program } = chosen;
    this.#use.wish({
      what: 'programs',
      body: { command: 'restart', name: program },
      text: `restarting ${program}, one process after the other …`,
    });
  }

  /** The whole screen. */
  lines(look: Look): string[] {
    const { reading } = this;
    const choice = { chosen: this.#at(), filter: this.filter };
    const body = { ...look, rows: Math.max(1, look.rows - 4) };
    const shown = reading === null ? [] : viewLines(this.view, reading, choice, body).slice(0, body.rows);
    const room = Array.from({ length: body.rows - shown.length }, () => '');
    return [
      this.#title(look),
      this.#tabs(look),
      ...shown,
      ...room,
      this.#noteLine(look),
      this.#foot(look),
    ].slice(-Math.max(1, look.rows));
  }

  #title(look: Look): string {
    const { reading } = this;
    const left = reading === null ? 'lbproxy' : `lbproxy ${reading.version}  ${reading.configuration}`;
    const right = this.paused
      ? 'paused'
      : new Date(reading?.traffic.atMs ?? Date.now()).toTimeString().slice(0, 8);
    const room = Math.max(1, look.columns - right.length - 1);
    return `${padEnd(line({ ...look, columns: room, colours: false }, left), room)} ${styled(look, this.paused ? 'yellow' : 'gray', right)}`;
  }

  #tabs(look: Look): string {
    return VIEWS.map((name, i) => {
      const text = `${i + 1} ${name}`;
      return name === this.view
        ? styled(look, ['bold', 'underline'], look.colours ? text : `[${text}]`)
        : text;
    }).join('   ');
  }

  #noteLine(look: Look): string {
    const { note } = this;
    return note === null ? '' : line(look, note.text, note.isBad ? 'red' : 'green');
  }

  #foot(look: Look): string {
    const typing = this.#typing;
    if (typing === null) return line(look, KEYS[this.view], 'gray');
    const text = `${typing.label}${typing.text}_`;
    // The end is what is being typed.
    const over = textWidth(text) - look.columns;
    return line(look, over > 0 ? text.slice(over) : text, 'bold');
  }
}

const ALWAYS = 'q quit  1-4 tab view  p pause  / filter';
const KEYS: Readonly<Record<ViewName, string>> = {
  overview: ALWAYS,
  peers: `${ALWAYS}  ↑↓ choose  d drain  u up  w weight`,
  programs: `${ALWAYS}  ↑↓ choose  r restart`,
  requests: `${ALWAYS}  ↑↓ scroll  esc no filter`,
};
