// All groups in Supervisor's order: [group:x] with its programs, then each program, event listener and FastCGI program of its own.
import { positionOf } from '../../config/places.ts';
import { didYouMean, formatPosition } from '../../config/problem.ts';
import type { GroupPlan, ListenerPlan, ProcessSpec, SharedSocketPlan } from '../plan.ts';
import { type IniContext, Names, SectionReader } from './context.ts';
import { toBoolean, toInteger, toList } from './datatypes.ts';
import { placeOfPiece, type Section } from './document.ts';
import { readSharedSocket } from './fcgi-socket.ts';
import { readListener } from './listener.ts';
import { compareTexts, nameOf, type PoolSettings, readProgram } from './program.ts';

export function readGroups(cx: IniContext, pool: PoolSettings): readonly GroupPlan[] {
  return new GroupReader(cx, pool).read();
}

class GroupReader {
  readonly #cx: IniContext;
  readonly #pool: PoolSettings;
  /** What values of a group may name. */
  readonly #names: Names;
  readonly #taken = new Set<Section>();

  constructor(cx: IniContext, pool: PoolSettings) {
    this.#cx = cx;
    this.#pool = pool;
    this.#names = new Names(cx.env, { here: cx.here });
  }

  read(): readonly GroupPlan[] {
    const groups = [
      ...this.#each('group:', (reader) => this.#ofPrograms(reader)),
      ...this.#each('program:', (reader) => this.#ofOne(reader)),
      ...this.#each('eventlistener:', (reader) => this.#ofListener(reader)),
      ...this.#each('fcgi-program:', (reader) => this.#ofFcgi(reader)),
    ];
    groups.sort((a, b) => a.priority - b.priority || compareTexts(a.name, b.name));
    return this.#firstOfName(groups);
  }

  #each(kind: string, make: (reader: SectionReader) => GroupPlan): GroupPlan[] {
    const sections = [...this.#cx.document.sections.values()].filter(
      (section) => section.name.startsWith(kind) && !this.#taken.has(section),
    );
    return sections.map((section) => make(new SectionReader(this.#cx, section)));
  }

  #ofPrograms(reader: SectionReader): GroupPlan {
    const name = nameOf(reader);
    const members = toList(reader.text('programs', this.#names) ?? '');
    if (members.length === 0)
      this.#cx.report.warn(reader.section.at, `[${reader.section.name}] has no programs: write programs=a,b`);
    const processes = members.flatMap((member) => {
      const section = this.#member(reader, member);
      if (section === undefined) return [];
      this.#taken.add(section);
      return readProgram(this.#cx, section, name, this.#pool);
    });
    return this.#group(reader, name, 999, processes);
  }

  #member(reader: SectionReader, member: string): Section | undefined {
    const { sections } = this.#cx.document;
    const program = sections.get(`program:${member}`);
    const fcgi = sections.get(`fcgi-program:${member}`);
    if (program !== undefined && fcgi === undefined) return program;
    const entry = reader.entry('programs');
    const at = entry === undefined ? reader.section.at : placeOfPiece(entry, member);
    const say = (message: string): void =>
      this.#cx.report.error(at, `programs of [${reader.section.name}]: ${message}`);
    if (program !== undefined)
      say(`"${member}" is both [program:${member}] and [fcgi-program:${member}]: rename one`);
    else if (fcgi === undefined) say(this.#unknownMember(member));
    else
      this.#cx.report.warn(
        at,
        `[fcgi-program:${member}] in a group gets no shared socket, as in Supervisor: take it out of the group`,
      );
    return program === undefined ? fcgi : undefined;
  }

  #unknownMember(member: string): string {
    const known = [...this.#cx.document.sections.keys()].flatMap(
      (name) => /^(?:fcgi-)?program:(.*)$/s.exec(name)?.[1] ?? [],
    );
    const near = didYouMean(member, known);
    const hint = near === undefined ? `add [program:${member}], or take it out` : `did you mean "${near}"?`;
    return member === ''
      ? 'a name is missing between two commas, or at the end'
      : `there is no program "${member}": ${hint}`;
  }

  #ofOne(reader: SectionReader): GroupPlan {
    const name = nameOf(reader);
    return this.#group(reader, name, 999, readProgram(this.#cx, reader.section, name, this.#pool));
  }

  #ofListener(reader: SectionReader): GroupPlan {
    // Its group is named by the header as it stands, blanks and all.
    const name = reader.section.name.slice(reader.section.name.indexOf(':') + 1);
    const listener = readListener(reader, this.#names);
    if (reader.value('redirect_stderr', toBoolean, this.#names) === true)
      reader.fail('redirect_stderr', 'stdout of an event listener is for the events alone: remove the line');
    const processes = readProgram(this.#cx, reader.section, name, this.#pool);
    return this.#group(reader, name, -1, processes, { listener });
  }

  #ofFcgi(reader: SectionReader): GroupPlan {
    const name = nameOf(reader);
    const { socket, problem } = readSharedSocket(reader, this.#names, name);
    const all = readProgram(this.#cx, reader.section, name, this.#pool);
    const processes = problem === null ? all : all.map((spec) => withProblem(spec, problem));
    return this.#group(reader, name, 999, processes, { socket });
  }

  #group(
    reader: SectionReader,
    name: string,
    defaultPriority: number,
    processes: readonly ProcessSpec[],
    more: { readonly listener?: ListenerPlan; readonly socket?: SharedSocketPlan | null } = {},
  ): GroupPlan {
    return {
      name,
      priority: reader.value('priority', toInteger, this.#names) ?? defaultPriority,
      at: formatPosition(reader.section.at),
      processes: this.#lastOfName(reader, processes),
      listener: more.listener ?? null,
      socket: more.socket ?? null,
    };
  }

  /** Of two processes with one name the later one takes the place of the earlier one. Sorted by priority, otherwise as they came. */
  #lastOfName(reader: SectionReader, processes: readonly ProcessSpec[]): readonly ProcessSpec[] {
    const named = new Map<string, ProcessSpec>();
    for (const spec of processes) {
      if (named.has(spec.launch.name))
        this.#cx.report.warn(
          reader.section.at,
          `two processes of [${reader.section.name}] are called "${spec.launch.name}", and only the later one runs: put %(program_name)s or %(process_num)02d into process_name`,
        );
      named.set(spec.launch.name, spec);
    }
    return [...named.values()].sort((a, b) => a.policy.priority - b.policy.priority);
  }

  /** Of two groups with one name Supervisor keeps the first. */
  #firstOfName(groups: readonly GroupPlan[]): readonly GroupPlan[] {
    const named = new Map<string, GroupPlan>();
    for (const group of groups) {
      const first = named.get(group.name);
      if (first === undefined) named.set(group.name, group);
      else
        this.#cx.report.warn(
          positionOf(group.at),
          `there are two groups "${group.name}", and only the one at ${first.at} runs: rename one`,
        );
    }
    return [...named.values()];
  }
}

function withProblem(spec: ProcessSpec, problem: string): ProcessSpec {
  return { ...spec, launch: { ...spec.launch, problem: spec.launch.problem ?? problem } };
}
