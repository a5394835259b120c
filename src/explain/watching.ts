// Puts down in a request's trail what the road decides about it. The road's own code decides; what stands here only asks it what it said.
import type { Watch, WatchedLevel } from '../compile/watch.ts';
import type { LocationModel, ScriptOp } from '../config/model.ts';
import type { Exchange, Filter, Handler, LocationRuntime, Step } from '../exchange/exchange.ts';
import { GO_ON, JOIN, PASS, STOP } from '../exchange/slots.ts';
import type { ProxyPass } from '../forward/rows.ts';
import type { Condition, Instruction } from '../route/script.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { createDryForward, type Ready } from './dry-forward.ts';
import { DryUpstreams } from './dry-upstreams.ts';
import { explainSearch } from './search.ts';
import { isTryFiles, seen, seenUntilFound } from './seen.ts';
import {
  type Happening,
  type Open,
  type RewriteEvent,
  type StepEvent,
  shown,
  shownAll,
  Trail,
} from './trail.ts';
import { detailsOf, makerOf, sayResult, wordsOf } from './words.ts';

/** A forward that was reached, and where. */
export interface Reached {
  readonly level: WatchedLevel;
  readonly pass: ProxyPass;
  readonly ready: Ready;
}

export class Watching {
  /** The trail of the main exchange. */
  readonly #trails = new WeakMap<Exchange, Trail>();
  readonly #levels = new WeakMap<LocationRuntime, WatchedLevel>();
  readonly #models = new WeakMap<object, LocationModel>();
  readonly #waiting = new WeakMap<Exchange, { outcome: string }>();
  readonly #onForward = new WeakMap<Exchange, (reached: Reached) => void>();
  readonly #lookups = new WeakMap<ScriptOp, VariableLookup>();
  readonly watch: Watch;

  constructor() {
    this.watch = {
      script: {
        instruction: (op, run, lookup) => this.#instruction(op, run, lookup),
        test: (op, test) => this.#test(op, test),
      },
      dispatch: {
        finder: (locations, find) => (uri, x) => {
          const found = find(uri, x);
          const result = explainSearch(locations, uri, found, (value) => this.#models.get(value));
          const captures = result.location.startsWith('location ~') ? shownAll(x.captures) : [];
          this.#add(x, { kind: 'location', uri: shown(uri), captures, ...result });
          return found;
        },
      },
      server: (_model, runtime) => ({
        ...runtime,
        redirect: (x, uri, args) => {
          this.#turn(x, args ? `${uri}?${args}` : uri);
          runtime.redirect(x, uri, args);
        },
        toNamed: (x, name) => {
          this.#turn(x, name);
          runtime.toNamed(x, name);
        },
      }),
      location: (model, value) => void this.#models.set(value, model),
      level: (level, runtime) => {
        this.#levels.set(runtime, level);
        return runtime;
      },
      fail: (fail) => (x, status, detail, lines) => {
        this.#settle(x, `refuses: ${status}`);
        this.#add(x, { kind: 'status', at: this.levelOf(x)?.at ?? '', status, why: shown(detail) });
        fail(x, status, detail, lines);
      },
      step: (level, step) => this.#step(level, step),
      filter: (level, filter) => this.#filter(level, filter),
      content: (level, name, handler) => this.#content(level, name, handler),
      forward: (level, pass) => (options, target, cache) => {
        const own = { target, cache };
        const handler = createDryForward(options, own, (ready) => this.#forward({ level, pass, ready }));
        return cache === null ? handler : this.#content(level, 'cache', handler);
      },
      upstreams: (model, found) => new DryUpstreams(model, found),
    };
  }

  follow(x: Exchange, trail: Trail, onForward: (reached: Reached) => void): void {
    this.#trails.set(x, trail);
    this.#onForward.set(x, onForward);
  }

  /** Where the exchange is. */
  levelOf(x: Exchange): WatchedLevel | undefined {
    return this.#levels.get(x.location);
  }

  /** Of the server that the exchange came to. */
  serverLevelOf(x: Exchange): WatchedLevel | undefined {
    return this.#levels.get(x.server.root);
  }

  note(x: Exchange, level: string, text: string): void {
    this.#add(x, { kind: 'note', at: '', level, text });
  }

  #add<T extends Happening>(x: Exchange, happening: T): Open<T> {
    const trail = this.#trails.get(x.main) ?? new Trail();
    return trail.add(x.depth, happening);
  }

  // Scripts.

  #instruction(op: ScriptOp, run: Instruction, lookup: VariableLookup): Instruction {
    const { at } = op;
    this.#lookups.set(op, lookup);
    switch (op.op) {
      case 'rewrite':
        return (x) => {
          const subject = shown(x.uri);
          const { pattern, flag } = op;
          const unknown = { matched: false, captures: [], uri: '' };
          const event = this.#add<RewriteEvent>(x, {
            kind: 'rewrite',
            at,
            pattern,
            subject,
            flag,
            ...unknown,
          });
          const outcome = run(x);
          event.matched = outcome !== 'go-on';
          event.captures = event.matched ? shownAll(x.captures) : [];
          if (event.matched && outcome !== 'answered') event.uri = shown(uriOf(x));
          return outcome;
        };
      case 'set': {
        const value = lookup(op.variable);
        return (x) => {
          const outcome = run(x);
          this.#add(x, { kind: 'set', at, variable: `$${op.variable}`, value: shown(value?.(x) ?? '') });
          return outcome;
        };
      }
      case 'return':
        return (x) => {
          const text = op.text === null ? '' : compileTemplate(op.text, lookup)(x);
          this.#add(x, { kind: 'return', at, status: op.status, text: shown(text) });
          return run(x);
        };
      case 'break':
        return (x) => {
          this.#add(x, { kind: 'break', at });
          return run(x);
        };
      default:
        return run;
    }
  }

  #test(op: Extract<ScriptOp, { op: 'if' }>, test: Condition): Condition {
    const words = wordsOf(op.test);
    return (x) => {
      const value = this.#valueOf(op, x);
      const holds = test(x);
      const captures = op.test.test === 'match' && holds ? shownAll(x.captures) : [];
      this.#add(x, { kind: 'if', at: op.at, test: words, value, holds, captures });
      return holds;
    };
  }

  #valueOf(op: Extract<ScriptOp, { op: 'if' }>, x: Exchange): string {
    const lookup = this.#lookups.get(op);
    return lookup === undefined ? '' : shown(compileTemplate(op.test.value, lookup)(x));
  }

  // Turns, steps, contents.

  #turn(x: Exchange, to: string): void {
    this.#settle(x, 'goes elsewhere');
    const last = this.#trails.get(x.main)?.events.findLast(({ depth }) => depth === x.depth);
    this.#add(x, { kind: 'turn', at: this.levelOf(x)?.at ?? '', to: shown(to), by: makerOf(last) });
  }

  #step({ at, settings }: WatchedLevel, step: Step): Step {
    return {
      slot: step.slot,
      run: (x) => {
        this.#settle(x, 'passes');
        const paths = isTryFiles(step) ? seenUntilFound(step, x) : [];
        const event = this.#add<StepEvent>(x, {
          kind: 'step',
          at,
          step: step.slot,
          outcome: '',
          details: detailsOf(step, settings),
          paths,
        });
        // All that follows may come within the call.
        this.#waiting.set(x, event);
        // Nobody can foretell whom a fault hits.
        const result = step.slot === 'faults' ? GO_ON : step.run(x);
        if (result !== STOP) this.#waiting.delete(x);
        if (event.outcome === '') event.outcome = sayResult(result);
        return result;
      },
    };
  }

  /** What the last step, which waited, came to shows by what follows. */
  #settle(x: Exchange, outcome: string): void {
    const event = this.#waiting.get(x);
    if (event !== undefined) event.outcome = outcome;
    this.#waiting.delete(x);
  }

  #content({ at }: WatchedLevel, name: string, handler: Handler): Handler {
    return (x) => {
      this.#settle(x, 'passes');
      const path = name === 'cache' ? undefined : x.location.files?.path(x);
      const file = path === undefined ? null : seen(path);
      this.#add(x, { kind: 'content', at, content: name, file });
      handler(x);
    };
  }

  #filter({ at }: WatchedLevel, filter: Filter): Filter {
    return {
      slot: filter.slot,
      head: (x, head) => {
        const before = `${head.status}${head.lines}${head.length}`;
        const verdict = FAULTY.has(filter.slot) ? PASS : filter.head(x, head);
        const changed = before !== `${head.status}${head.lines}${head.length}`;
        const does =
          verdict === JOIN
            ? 'works on the body'
            : verdict !== PASS
              ? `answers ${verdict}`
              : changed
                ? 'changes the head'
                : '';
        this.#add(x, { kind: 'filter', at, filter: filter.slot, does });
        return verdict;
      },
      isIdle: filter.isIdle,
      join: filter.join?.bind(filter),
    };
  }

  #forward(reached: Reached): void {
    const { level, pass, ready } = reached;
    const { x } = ready;
    this.#settle(x, 'passes');
    this.#add(x, { kind: 'forward', at: pass.at || level.at, to: shown(pass.url) });
    if (!x.isSub) this.#onForward.get(x)?.(reached);
  }
}

const FAULTY: ReadonlySet<Filter['slot']> = new Set(['fault_rate', 'fault_cut']);

const uriOf = (x: Exchange): string => (x.args === '' ? x.uri : `${x.uri}?${x.args}`);
