#!/usr/bin/env node
// The launcher. Plain JavaScript in the grammar of Node 12, so that an old Node can still say what is missing:
// no `node:` prefix, no optional chaining, no await at the top level.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node before 14.13 does not know the prefix
// biome-ignore-all lint/complexity/useOptionalChain: Node before 14 does not know it
import nodeModule from 'module';

// Imported, a module of Node's has all its exports looked at: of `fs`, one of them loads the streams, a fifth of `node -e 0`.
const builtin = process.getBuiltinModule || nodeModule.createRequire(import.meta.url);
const { existsSync, readFileSync, realpathSync, statSync } = builtin('fs');
const { dirname, join, sep } = builtin('path');
const { fileURLToPath, pathToFileURL } = builtin('url');
const nodeNeeded = [24, 7];
const self = fileURLToPath(import.meta.url);

if (isNewEnough()) {
  quietExperimentalWarnings();
  keepCompiledCode();
  import(pathToFileURL(mainModule()).href).catch(die);
} else {
  import('child_process').then(runOnInstalledNode, die);
}

function isNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > nodeNeeded[0] || (major === nodeNeeded[0] && minor >= nodeNeeded[1]);
}

/**
 * What was built starts several times as fast as the source; beside a source it runs only while nothing that it was made
 * of is newer. Below node_modules, where Node strips no types, and in the package there is no source.
 */
function mainModule() {
  const root = join(dirname(self), '..');
  const built = join(root, 'dist', 'src', 'main.js');
  const source = join(dirname(self), 'main.ts');
  const beside = join(dirname(self), 'main.js');
  const isInstalled = self.split(sep).includes('node_modules');
  if (!isInstalled && existsSync(source)) return isFresh(root) ? built : source;
  const found = [built, beside].find((place) => existsSync(place));
  if (found === undefined) die('latchkey: this package was not built: run "npm run build" in it first');
  return found;
}

/**
 * By the time of the last change, which no copying tool can set back: of each file that the build read and of the folders
 * around them, as the build has listed them. To list them anew here would take longer than the look at each.
 */
function isFresh(root) {
  try {
    const dist = join(root, 'dist');
    const builtMs = statSync(join(dist, 'built')).mtimeMs;
    const madeOf = readFileSync(join(dist, 'made-of'), 'utf8').split('\n');
    return madeOf.every((path) => statSync(`${root}${sep}${path}`).ctimeMs < builtMs);
  } catch (_) {
    return false;
  }
}

/** Halves the start. The cache lies among the packages, where only who may change the code can write. */
function keepCompiledCode() {
  const found = installedPackages().find((folder) => existsSync(folder));
  if (found !== undefined) nodeModule.enableCompileCache(join(found, '.cache', 'latchkey'));
}

/** Node says that node:sqlite and type stripping are experimental on every start; every other warning stays. */
function quietExperimentalWarnings() {
  const emitWarning = process.emitWarning;
  process.emitWarning = function quietly(...warning) {
    const [message, kind] = warning;
    const type = kind !== null && typeof kind === 'object' ? kind.type : kind;
    const isExpected = /^(SQLite|Type Stripping) is an experimental feature/.test(String(message));
    if (type === 'ExperimentalWarning' && isExpected) return;
    emitWarning.apply(process, warning);
  };
}

/** node_modules of this package and of every folder above it, nearest first. */
function installedPackages() {
  const folders = [];
  for (let at = dirname(self); at !== dirname(at); at = dirname(at)) folders.push(join(at, 'node_modules'));
  return folders;
}

function runOnInstalledNode({ spawn }) {
  const isWindows = process.platform === 'win32';
  const platform = `${isWindows ? 'win' : process.platform}-${process.arch}`;
  const binary = join(`node-${platform}`, 'bin', isWindows ? 'node.exe' : 'node');
  const installed = installedPackages()
    .map((folder) => join(folder, binary))
    .find((path) => existsSync(path));
  if (installed === undefined)
    die(needs(`and npm has installed none for ${platform}: run "npm ci", or install a newer Node`));
  if (realpathSync(installed) === realpathSync(process.execPath)) die(needs(`and ${installed} is older`));
  const child = spawn(installed, process.execArgv.concat(self, process.argv.slice(2)), { stdio: 'inherit' });
  passSignals(child);
  child.on('error', (error) => die(`latchkey: cannot start ${installed}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function needs(why) {
  return `latchkey: needs Node ${nodeNeeded.join('.')} or newer. This is Node ${process.versions.node}, ${why}.`;
}

/** A terminal sends SIGINT to both processes by itself; passed on as well, it would count as a second one. */
function passSignals(child) {
  const hasTerminal = process.stdin.isTTY === true || process.stderr.isTTY === true;
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !hasTerminal) child.kill(signal);
    });
  }
}

function die(reason) {
  console.error(reason);
  process.exit(1);
}
