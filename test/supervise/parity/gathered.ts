// Many fragments in one conf.d: each is made unlike the others in the names of its programs and logs, and all run at once.
import type { SupervisordFile } from './files.ts';

/** `count` sites of about as many fragments each; those that are refused stay alone. */
export function gathered(fragments: readonly SupervisordFile[], count: number): readonly SupervisordFile[] {
  const fine = fragments.filter(({ refused }) => refused !== true);
  const sites = Array.from({ length: count }, (_, n) => site(fine.filter((_, i) => i % count === n)));
  return [...sites, ...fragments.filter(({ refused }) => refused === true)];
}

function site(fragments: readonly SupervisordFile[]): SupervisordFile {
  const files = fragments.flatMap((fragment, i) => [
    [`conf.d/${i}.conf`, unlikeOthers(fragment.text.toString(), `f${i}`)] as const,
    ...Object.entries(fragment.files ?? {}),
  ]);
  const unordered = fragments.flatMap((fragment) => fragment.unordered?.source ?? []);
  return {
    name: fragments.map(({ name }) => name).join(' | '),
    text: '',
    fragment: true,
    files: Object.fromEntries(files),
    dirs: fragments.flatMap(({ dirs }) => dirs ?? []),
    ...(unordered.length === 0 ? {} : { unordered: new RegExp(unordered.join('|')) }),
  };
}

function unlikeOthers(text: string, prefix: string): string {
  return text
    .replaceAll(/^(\[(?:program|group|eventlistener):)/gm, `$1${prefix}-`)
    .replaceAll(/^(programs *= *)(.*)$/gm, (_, key: string, names: string) =>
      key.concat(names.replaceAll(/[^, \r]+/g, `${prefix}-$&`)),
    )
    .replaceAll('{dir}/log/', `{dir}/log/${prefix}-`);
}
