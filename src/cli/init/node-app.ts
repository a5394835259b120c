// Apps in JavaScript, by their package.json: Next, Vite and their like, or a server of one's own.
import type { AppFinding } from './finding.ts';
import { USUAL_APP } from './finding.ts';
import type { ProjectFiles } from './project-files.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: ReadonlySet<string>;
  readonly main: string | undefined;
}

export function findNodeApp(files: ProjectFiles): AppFinding | undefined {
  const manifest = readManifest(files);
  if (manifest === undefined) return undefined;
  for (const tool of TOOLS) if (manifest.dependencies.has(tool.package)) return ofTool(tool, files);
  return ofScript(manifest, files);
}

function readManifest(files: ProjectFiles): Manifest | undefined {
  // A server of one's own needs none.
  if (!files.has('package.json')) return { scripts: {}, dependencies: new Set(), main: undefined };
  try {
    const read: unknown = JSON.parse(files.text('package.json'));
    const { scripts, main, dependencies, devDependencies } = (read ?? {}) as Readonly<
      Record<string, unknown>
    >;
    const names = [dependencies, devDependencies].flatMap((each) => Object.keys((each ?? {}) as object));
    const texts = Object.entries((scripts ?? {}) as object).filter(([, text]) => typeof text === 'string');
    return {
      scripts: Object.fromEntries(texts),
      dependencies: new Set(names),
      main: typeof main === 'string' ? main : undefined,
    };
  } catch {
    return undefined;
  }
}

interface Tool {
  readonly package: string;
  readonly name: string;
  readonly what: string;
  /** Behind the path of its command. */
  readonly arguments: string;
  readonly advice: readonly string[];
}

const TOOLS: readonly Tool[] = [
  { package: 'next', name: 'next', what: 'Next', arguments: 'next dev -p {port}', advice: [] },
  { package: 'nuxt', name: 'nuxt', what: 'Nuxt', arguments: 'nuxt dev --port {port}', advice: [] },
  { package: 'astro', name: 'astro', what: 'Astro', arguments: 'astro dev --port {port}', advice: [] },
  {
    package: 'vite',
    name: 'vite',
    what: 'Vite',
    arguments: 'vite --host 127.0.0.1 --port {port} --strictPort',
    advice: ['Vite: under another name than localhost it wants that name in server.allowedHosts'],
  },
];

function ofTool(tool: Tool, files: ProjectFiles): AppFinding {
  const [command] = tool.arguments.split(' ');
  const isThere = files.has(`node_modules/.bin/${command}`);
  return {
    ...USUAL_APP,
    name: tool.name,
    what: `${tool.what} (package.json)`,
    command: isThere ? `node_modules/.bin/${tool.arguments}` : `npx ${tool.arguments}`,
    why: `the development server of ${tool.what}; what it pushes to the page goes through as WebSocket`,
    isFrontEnd: true,
    advice: tool.advice,
    // A page that is compiled the first time.
    readTimeout: '300s',
  };
}

const ENTRIES = [
  'server.js',
  'server.mjs',
  'app.js',
  'app.mjs',
  'index.js',
  'index.mjs',
  'src/server.js',
  'src/index.js',
];

function ofScript({ scripts, main }: Manifest, files: ProjectFiles): AppFinding | undefined {
  const { start } = scripts;
  const started = /^node\s+(?:--?[\w=-]+\s+)*([\w./-]+)$/.exec(start ?? '')?.[1];
  const entry = files.first([started, main, ...ENTRIES].filter((name) => name !== undefined));
  const text = entry === undefined ? '' : files.text(entry);
  if (start === undefined && !SERVES.test(text)) return undefined;
  const plain = started !== undefined && start !== undefined;
  const command = plain ? start : start === undefined ? `node ${entry}` : 'npm start';
  const readsPort =
    text === '' ||
    /process\.env\.PORT\b|env\[['"]PORT['"]\]|\{[^}]*\bPORT\b[^}]*\}\s*=\s*process\.env/.test(text);
  const port = /\.listen\(\s*(\d{2,5})\b/.exec(text)?.[1];
  const why = plain
    ? 'the start script of package.json'
    : start === undefined
      ? `${entry} opens a server`
      : 'what npm start does';
  const advice = [
    "Express: app.set('trust proxy', 'loopback') makes req.ip and req.protocol those of the client",
  ];
  return {
    ...USUAL_APP,
    name: 'web',
    what: `a Node app (${entry ?? 'package.json'})`,
    command,
    fixedPort: readsPort || port === undefined ? null : Number(port),
    why: readsPort
      ? `${why}; it gets its port as PORT`
      : `${why}; its port stands in its code: one process only, until it reads process.env.PORT`,
    advice: /\bexpress\b/.test(text) ? advice : [],
  };
}

const SERVES = /createServer\(|\.listen\(|\bexpress\b|\bfastify\b|\bkoa\b/;
