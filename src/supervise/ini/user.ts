// `user=` of a section: whom its programs run as, or why they cannot.
import type { UserPlan } from '../plan.ts';
import type { Names, SectionReader } from './context.ts';

export interface UserChoice {
  readonly user: UserPlan | null;
  /** A whole clause; else null. */
  readonly problem: string | null;
}

const NOBODY: UserChoice = { user: null, problem: null };

/** Supervisor refuses the whole file for an unknown user; here it keeps its own programs from starting. */
export function readUser(reader: SectionReader, names: Names): UserChoice {
  const text = reader.text('user', names);
  if (text === undefined) return NOBODY;
  if (text === '') {
    reader.fail('user', 'it is empty: write a name, or leave the line out');
    return NOBODY;
  }
  const user = reader.cx.accounts.user(text);
  if (user === undefined) {
    return refuse(
      reader,
      `there is no user "${text}" on this system: create it (useradd), or correct the name`,
    );
  }
  const own = process.geteuid?.();
  if (own !== undefined && own !== 0 && own !== user.uid)
    return {
      ...refuse(
        reader,
        `only root can start programs as user "${user.name}": run lbproxy as root or as ${user.name}`,
      ),
      user,
    };
  return { user, problem: null };
}

function refuse(reader: SectionReader, problem: string): UserChoice {
  reader.warn(
    'user',
    `${problem}; until then ${reader.section.name === 'supervisord' ? 'no program without a user of its own' : 'it'} is not started`,
  );
  return { user: null, problem };
}
