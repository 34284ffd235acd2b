import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { languages } from '../../src/reference/snippets/languages.ts';
import { grpc } from './snippets.ts';

const hosts = fileURLToPath(new URL('hosts', import.meta.url));
const mcs = '/usr/lib/mono/4.5/mcs.exe';

/** How one process of a language runs snippet after snippet; the rest start one for each, as their page says. */
const commands: Readonly<Record<string, string>> = {
  Python: `exec python3 ${hosts}/host.py`,
  'Node.js': `exec node ${hosts}/host.mjs`,
  Ruby: `exec ruby ${hosts}/host.rb`,
  PHP: `exec php ${hosts}/host.php`,
  Java: `exec java ${hosts}/Host.java`,
  // Beside the compiler, which is its library.
  'C#': `cp ${mcs} . && mcs -r:mcs.exe -out:Host.exe ${hosts}/host.cs && exec mono Host.exe`,
};
const eachOnItsOwn =
  'while read -r folder; do (cd "$folder" && COMMAND </dev/null 2>said || cat said); printf "\\n\\004\\n"; done';

/** A process that runs the snippets of one language, each as it is printed. */
export interface Host extends AsyncDisposable {
  /** What it printed. Rejects where the process ends or nothing comes for two minutes. */
  run(snippet: string): Promise<string>;
}

const snippetMs = 120_000;
const end = '\n\x04\n';

export async function startHost(folder: string, name: string, env: NodeJS.ProcessEnv): Promise<Host> {
  const language = [...languages, grpc].find((each) => each.name === name);
  if (language === undefined) throw new Error(`there is no ${name}`);
  await mkdir(folder, { recursive: true });
  const command = commands[name] ?? eachOnItsOwn.replace('COMMAND', language.command);
  const child = spawn('sh', ['-c', command], { cwd: folder, env: { ...process.env, ...env } });
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  let complaint = '';
  let turn = Promise.withResolvers<string>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (!said.endsWith(end)) return;
    turn.resolve(said.slice(0, -end.length));
    said = '';
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const ended = closed.then((): never => {
    throw new Error(`${name} ended: ${said}${complaint.slice(-4_000)}`);
  });
  // Told to whoever has a snippet run, before the end or after it.
  ended.catch(() => undefined);
  let count = 0;
  return {
    async run(snippet) {
      turn = Promise.withResolvers();
      const at = join(folder, `call-${count++}`);
      await mkdir(at);
      await writeFile(join(at, language.file), snippet);
      child.stdin.write(`${at}\n`);
      const timer = setTimeout(
        () => turn.reject(new Error(`${name}: nothing more came: ${said}${complaint}`)),
        snippetMs,
      );
      return Promise.race([turn.promise, ended]).finally(() => clearTimeout(timer));
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
