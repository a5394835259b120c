// How `npm run build` makes the JavaScript of dist/: a few files instead of seven hundred. What is started is CommonJS, and an acceptor
// one file: Node links and resolves no modules then, and looks up no names of its own parts (docs/decisions/027). What an application
// imports is a module. The packages in node_modules stay what they are; types are made by tsc.
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';

/** Names stay as they are, so that an error reads as before. Comments would be read and kept by every process. */
const COMMON: RolldownOptions = {
  platform: 'node',
  external: (id) => /^[@a-z]/.test(id) && !id.startsWith('src/'),
};
const OUTPUT = { dir: 'dist', keepNames: true, comments: false } as const;
/** Beside what they start, which they look for in their own directory. */
const PROGRAM = { ...OUTPUT, format: 'cjs', chunkFileNames: 'program/[name].js' } as const;

/** Says of which kind the files of a directory are. */
function kind(directory: string, type: 'commonjs' | 'module'): Plugin {
  const source = `${JSON.stringify({ type })}\n`;
  return {
    name: 'kind',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: `${directory}package.json`, source });
    },
  };
}

/** Parts of Node that take a process 1 to 8 ms, and that most configurations do not use, or not before they serve. */
const LATER = [
  ...['crypto', 'dns', 'dns/promises', 'fs/promises', 'readline', 'v8', 'vm', 'worker_threads'].map(
    (part) => `node:${part}`,
  ),
  // For a configuration in JSON.
  'jsonc-parser',
];

/** Parts of Node as they are, without the face of a module that rolldown puts before those with a default; and LATER ones when first used. */
const nodeParts: Plugin = {
  name: 'node-parts',
  renderChunk(code) {
    const bare = code.replace(/^(\w+) = [\w.]*__toESM\(\1, 1\);\n/gm, '');
    return bare.replace(/\b(node_\w+)\.default\b/g, '$1').replace(REQUIRE, (line, name, part, _at, whole) => {
      const uses = [...whole.matchAll(new RegExp(`\\b${name}\\b(?:\\.(\\w+))?`, 'g'))].slice(1);
      if (!LATER.includes(part) || uses.some(([, member]) => member === undefined)) return line;
      const members = [...new Set(uses.map(([, member]) => member))];
      const getters = members.map((member) => `get ${member}() { return loaded_${name}().${member}; }`);
      return `let found_${name};
const loaded_${name} = () => (found_${name} ??= require("${part}"));
const ${name} = { ${getters.join(', ')} };`;
    });
  },
};
/** One letter beyond latin1, and V8 reads and keeps the whole file as two bytes a character. */
const oneByte: Plugin = {
  name: 'one-byte',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle))
      if (chunk.type === 'chunk')
        chunk.code = chunk.code.replace(
          /[^\x00-\x7f]/g,
          (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
  },
};
const REQUIRE = /^let (\w+) = require\("([\w:/-]+)"\);$/gm;

/** Rows of directives are made when their file is loaded. Said to be without effect, they are left out where nobody asks for them. */
const rowsIfUsed: Plugin = {
  name: 'rows-if-used',
  transform(code) {
    if (!code.includes(': readonly Row[] = ')) return null;
    const rows: { start: number; end: number }[] = [];
    for (const statement of this.parse(code, { lang: 'ts' }).body) {
      const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
      if (declared?.type !== 'VariableDeclaration') continue;
      for (const { id, init } of declared.declarations)
        if (init !== null && code.slice(id.start, init.start).includes(': readonly Row[] =')) rows.push(init);
    }
    let made = code;
    for (const { start, end } of rows.toReversed())
      made = `${made.slice(0, start)}/* @__PURE__ */ (() => ${made.slice(start, end)})()${made.slice(end)}`;
    return made;
  },
};

/** What serves is one file of its own, instead of fifty that other commands share; what it has of theirs is twice on the disk. */
const servingApart: Plugin = {
  name: 'serving-apart',
  resolveId: (name) => (/^\.\/(cli\/)?serving\.ts$/.test(name) ? { id: SERVING, external: true } : null),
  renderChunk: (code, { fileName }) => {
    if (!code.includes(`import("${SERVING}")`)) return null;
    const file = fileName === 'main.js' ? './program/serving.js' : './serving.js';
    return code.replaceAll(`import("${SERVING}")`, `Promise.resolve().then(() => require("${file}"))`);
  },
};
const SERVING = 'lbproxy:serving';

export default defineConfig([
  {
    ...COMMON,
    input: {
      main: 'src/main.ts',
      'program/password-thread': 'src/features/auth-basic/password-thread.ts',
      'program/watchdog-process': 'src/supervise/watchdog-process.ts',
    },
    output: PROGRAM,
    plugins: [servingApart, nodeParts, oneByte, kind('', 'commonjs')],
  },
  {
    ...COMMON,
    input: { 'program/serving': 'src/cli/serving.ts' },
    output: { ...PROGRAM, chunkFileNames: 'program/serving-[name].js' },
    plugins: [nodeParts, oneByte],
  },
  {
    ...COMMON,
    input: { 'program/acceptor-main': 'src/cluster/acceptor-main.ts' },
    output: PROGRAM,
    plugins: [rowsIfUsed, nodeParts, oneByte],
  },
  {
    ...COMMON,
    input: { 'embed/index': 'src/embed/index.ts' },
    output: { ...OUTPUT, format: 'esm', chunkFileNames: 'embed/[name].js' },
    plugins: [kind('embed/', 'module')],
  },
]);
