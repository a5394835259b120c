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

export default defineConfig([
  {
    ...COMMON,
    input: {
      main: 'src/main.ts',
      'program/password-thread': 'src/features/auth-basic/password-thread.ts',
      'program/watchdog-process': 'src/supervise/watchdog-process.ts',
    },
    output: PROGRAM,
    plugins: [kind('', 'commonjs')],
  },
  { ...COMMON, input: { 'program/acceptor-main': 'src/cluster/acceptor-main.ts' }, output: PROGRAM },
  {
    ...COMMON,
    input: { 'embed/index': 'src/embed/index.ts' },
    output: { ...OUTPUT, format: 'esm', chunkFileNames: 'embed/[name].js' },
    plugins: [kind('embed/', 'module')],
  },
]);
