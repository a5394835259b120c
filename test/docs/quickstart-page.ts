// A quickstart as a program reads it: the files it has, the command that starts lbproxy, and what somebody asks and sees.

export interface Quickstart {
  /** Path → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly command: readonly string[];
  /** What is typed behind `$`, a script; and what is then on the terminal. */
  readonly script: string;
  readonly seen: string;
}

/** A name in backquotes that begins a paragraph that ends with a colon: the block behind it is that file. */
const FILE = /^`([\w./-]+)`(?:(?!\n\n)[\s\S])*?:\n\n```\w+\n([\s\S]*?)^```$/gm;

export function readQuickstart(page: string, ports: ReadonlyMap<string, number>): Quickstart {
  let text = page;
  for (const [written, port] of ports) text = text.replaceAll(new RegExp(`\\b${written}\\b`, 'g'), `${port}`);
  const files = new Map([...text.matchAll(FILE)].map(([, path, content]) => [path, content]));
  const command = only(text, 'sh').trim().split(' ');
  const lines = only(text, 'console').trimEnd().split('\n');
  const script = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  const seen = lines.filter((line) => !line.startsWith('$ '));
  return { files, command, script: script.join('\n'), seen: seen.join('\n') };
}

function only(text: string, language: string): string {
  const found = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))];
  if (found.length !== 1) throw new Error(`the page has ${found.length} blocks of ${language}, not one`);
  return found[0][1];
}
