import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { readyDescriptors } from './lighter/descriptors.ts';
import { lighterClients, lighterPackages } from './lighter/packages.ts';

/**
 * Makes of src/ what is run: one file an entry, with the parts that several need or that are loaded late beside them.
 * `npm ci` and `npm pack` run it. The launcher runs from the source where a source is newer than `dist/built`.
 *
 * Packages that load files of their own, or native code, stay packages.
 */
const root = join(import.meta.dirname, '..');
const external = ['pg', 'pg-native', '@opentelemetry/*'];
/** Read at run time as they are. */
const assets = ['src/store/sqlite/migrations', 'src/store/postgres/migrations', 'gen/console', 'gen/openapi'];

/** What runs in a thread of its own. */
async function findThreads(): Promise<string[]> {
  const files = await readdir(join(root, 'src'), { recursive: true });
  return files.filter((file) => /(^|[/-])thread\.ts$/.test(file)).map((file) => join('src', file));
}

/**
 * What a file finds beside itself lies beside where it would be, if every file were built alone. Files that are loaded late
 * are given more to load: what all of them are given is one file, and not one for every set of them that needs it.
 */
const ownPlace = (parts: Parts = new Map()) => ({
  name: 'own place',
  setup(build: import('esbuild').PluginBuild) {
    build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const file = relative(root, path);
      const place = file.replace(/\.ts$/, '.js');
      const built = '(import.meta.url.slice(0, import.meta.url.lastIndexOf("/dist/") + 6)';
      const own = text.replaceAll('import.meta.url', `${built} + ${JSON.stringify(place)})`);
      const given = (parts.get(file) ?? []).map((one) => `import ${JSON.stringify(join(root, one))};`);
      return { contents: [own, ...given].join('\n'), loader: 'ts' as const };
    });
  },
});

/** By file that begins a part (where the program begins, and whatever is imported at run time): what it is given. */
type Parts = ReadonlyMap<string, readonly string[]>;
type Inputs = import('esbuild').Metafile['inputs'];

const program = 'src/main.ts';
const command = 'src/cli/run.ts';
const app = 'src/app/app.ts';
const settings = 'src/app/config.ts';

/**
 * All are given what every command loads, whoever reads the settings what that takes, and whoever opens a database what that
 * takes; in so far as others need it too.
 */
function partsOf(inputs: Inputs): Parts {
  const imported = Object.values(inputs).flatMap(({ imports }) => imports);
  const late = imported.filter(({ kind, external }) => kind === 'dynamic-import' && !external);
  const begins = new Set([program, ...late.map(({ path }) => path)]);
  const closures = new Map([...begins].map((file) => [file, closureOf(file, inputs)]));
  const closure = (file: string) => [...(closures.get(file) ?? [])];
  const others = new Set([...begins].filter((file) => file !== command).flatMap(closure));
  const isGiven = (file: string) => file.startsWith('src/') && others.has(file) && !begins.has(file);
  const ofCommand = closure(command).filter(isGiven);
  const ofApp = closure(app).filter(isGiven);
  const ofSettings = closure(settings).filter((file) => isGiven(file) && !ofCommand.includes(file));
  const givenTo = (known: ReadonlySet<string>) => {
    if (known.has(app)) return [...ofCommand, ...ofSettings, ...ofApp];
    return ofSettings.some((file) => known.has(file)) ? [...ofCommand, ...ofSettings] : ofCommand;
  };
  return new Map([...closures].map(([file, known]) => [file, givenTo(known)]));
}

/** A file, and all that it cannot be loaded without. */
function closureOf(file: string, inputs: Inputs, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path, kind, external } of inputs[file]?.imports ?? []) {
    if (kind !== 'dynamic-import' && !external) closureOf(path, inputs, found);
  }
  return found;
}

// Imported as modules, Node's own have all that they export looked at and copied: node:http loads fetch and WebSocket by it,
// which take longer than the rest of it. Here each importer asks for what it uses, in lines of its own: one that several
// share would be a file.
const plainBuiltins = {
  name: 'plain builtins',
  setup(build: import('esbuild').PluginBuild) {
    const namespace = 'plain';
    build.onResolve({ filter: /^(node:|https?$)/ }, ({ path, kind, importer }) =>
      kind === 'import-statement'
        ? { path: `${path} of ${relative(root, importer)}`, namespace, pluginData: path, sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace }, ({ pluginData: name }) => {
      const found = Object.entries(process.getBuiltinModule(name)).filter(([one]) => one !== 'default');
      // Functions that are waited for anyway: the module is loaded by the first call.
      const isLate = name.endsWith('/promises');
      const lines = found.map(([one, value]) =>
        isLate && typeof value === 'function' && !/^class\b/.test(String(value))
          ? `export const ${one} = (...given) => process.getBuiltinModule('${name}').${one}(...given);`
          : `export const ${one} = /* @__PURE__ */ of('${one}');`,
      );
      const module = `const module = /* @__PURE__ */ process.getBuiltinModule('${name}');`;
      return {
        contents: [module, 'const of = (name) => module[name];', 'export default module;', ...lines].join(
          '\n',
        ),
      };
    });
  },
};

const lighter = [plainBuiltins, readyDescriptors, lighterPackages, lighterClients];

/** Beside what was built before, which may be running and load more of itself any moment: it is changed for the new one at once. */
async function bundle(): Promise<void> {
  const { build } = await findEsbuild();
  const beside = await mkdtemp(join(root, '.build-'));
  try {
    const folder = join(beside, 'dist');
    await fill(folder, build);
    await keepParts(folder);
    await exchange(folder, join(beside, 'before'));
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

const parts = 'src/parts';

/**
 * Who runs the build before goes on in its parts, and each is named after what is in it: they stay beside the new ones until
 * the next build. What is packed runs nowhere yet, and is alone.
 */
async function keepParts(folder: string): Promise<void> {
  const place = join(root, 'dist');
  const own = await readdir(join(folder, parts));
  await writeFile(join(folder, 'parts'), own.join('\n'));
  if (process.argv.includes('--alone')) return;
  const before = await readFile(join(place, 'parts'), 'utf8').catch(() => '');
  for (const name of before.split('\n').filter((one) => one !== '' && !own.includes(one))) {
    // Another build may have taken its place meanwhile.
    await cp(join(place, parts, name), join(folder, parts, name)).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** Another build may do the same: the last one stays. */
async function exchange(folder: string, before: string): Promise<void> {
  const place = join(root, 'dist');
  for (let nth = 0; nth < exchangesMax; nth += 1) {
    await rename(place, `${before}-${nth}`).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
    try {
      return await rename(folder, place);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }
  throw new Error('dist is built by others over and over');
}

const exchangesMax = 10;

async function fill(folder: string, build: typeof import('esbuild').build): Promise<void> {
  await mkdir(join(folder, 'src'), { recursive: true });
  // Written before the first source is read: whatever changes from here on is newer.
  await writeFile(join(folder, 'begun'), '');
  const common: import('esbuild').BuildOptions = {
    absWorkingDir: root,
    outbase: '.',
    outdir: relative(root, folder),
    bundle: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'inline',
    logLevel: 'warning',
    external,
    plugins: [...lighter, ownPlace()],
    // Packages of the older kind ask for Node's own modules by require().
    banner: {
      js: "const require = (name) => process.getBuiltinModule(name) ?? process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);",
    },
  };
  const chunkNames = `${parts}/[name]-[hash]`;
  // Apart from one another: what they share would be many small files, and each file costs a start.
  const split = { ...common, entryPoints: [program], splitting: true, chunkNames };
  const { metafile } = await build({ ...split, metafile: true, write: false });
  const plugins = [...lighter, ownPlace(partsOf(metafile.inputs))];
  const results = [
    await build({ ...split, plugins }),
    await build({ ...common, entryPoints: await findThreads() }),
  ];
  for (const asset of assets) {
    await mkdir(dirname(join(folder, asset)), { recursive: true });
    await cp(join(root, asset), join(folder, asset), { recursive: true }).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await cp(join(root, 'src/latchkey.js'), join(folder, 'src/latchkey.js'));
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {}));
  await writeFile(join(folder, 'made-of'), (await madeOf(inputs)).join('\n'));
  await rename(join(folder, 'begun'), join(folder, 'built'));
}

/** Each file of ours that was read, the folders around it, where one may be added, and the list of what is installed. */
async function madeOf(inputs: readonly string[]): Promise<readonly string[]> {
  const isOurs = (path: string) => path.startsWith('src/') || path.startsWith('gen/');
  const files = new Set(inputs.map((path) => path.replace(/^.*:/, '')).filter(isOurs));
  for (const asset of assets) {
    const found = await readdir(join(root, asset), { withFileTypes: true, recursive: true }).catch(() => []);
    for (const entry of found) files.add(relative(root, join(entry.parentPath, entry.name)));
  }
  const folders = new Set<string>();
  for (const file of files) {
    for (let at = dirname(file); at !== '.'; at = dirname(at)) folders.add(at);
  }
  return [...folders, ...files, 'node_modules/.package-lock.json'];
}

/** A development package: who installs none of them runs from the source. */
async function findEsbuild(): Promise<typeof import('esbuild')> {
  try {
    return await import('esbuild');
  } catch (error) {
    if (!process.argv.includes('--if-possible')) throw error;
    process.stderr.write(
      'not built, since esbuild is not installed: latchkey starts from its source, more slowly\n',
    );
    process.exit(0);
  }
}

await bundle();
