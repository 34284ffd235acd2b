import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Demo } from './demo.ts';
import { run } from './tools.ts';

const timeoutMs = 240_000;
const only = 'apiTests=false,modelTests=false,apiDocs=false,modelDocs=false';

export interface ClientsAt {
  /** Where `client/` is. */
  readonly sources: string;
  /** Where everything is built. */
  readonly folder: string;
}

/** openapi-generator, and the libraries of its clients in Java. */
export async function bringGenerator({ sources, folder }: ClientsAt): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(join(sources, 'pom.xml'), join(folder, 'pom.xml'));
  const args = ['--batch-mode', '--quiet', 'dependency:copy-dependencies', '-DoutputDirectory=jars'];
  await run('mvn', args, { cwd: folder, timeoutMs });
}

/** Makes a client of the document as the server serves it. */
export async function generate({ url }: Demo, folder: string, language: 'python' | 'java'): Promise<void> {
  const jars = await readdir(join(folder, 'jars'));
  const jar = jars.find((name) => name.startsWith('openapi-generator-cli-'));
  if (jar === undefined) throw new Error(`no generator among ${jars.join(', ')}`);
  const library = language === 'java' ? ['--library', 'native'] : [];
  const args = ['generate', '-i', `${url}/openapi.json`, '-g', language, '-o', language, ...library];
  await run('java', ['-jar', join('jars', jar), ...args, '--global-property', only], {
    cwd: folder,
    timeoutMs,
  });
}

/** Runs `unlock.py` against it. */
export async function runPython(at: ClientsAt, python: string, env: NodeJS.ProcessEnv): Promise<string> {
  const place = { cwd: join(at.folder, 'python'), timeoutMs };
  return run(python, [join(at.sources, 'unlock.py')], {
    ...place,
    env: { ...env, PYTHONPATH: place.cwd },
  });
}

/** Compiles the client with `Unlock.java`, and runs that. */
export async function runJava({ sources, folder }: ClientsAt, env: NodeJS.ProcessEnv): Promise<string> {
  const place = { cwd: folder, env, timeoutMs };
  const jars = (await readdir(join(folder, 'jars'))).filter((name) => !name.startsWith('openapi-generator'));
  const path = jars.map((name) => join('jars', name)).join(':');
  const source = join('java', 'src', 'main', 'java');
  const options = ['-nowarn', '-proc:none', '-classpath', path, '-sourcepath', source, '-d', 'classes'];
  await run('javac', [...options, join(sources, 'Unlock.java')], place);
  return run('java', ['-classpath', `classes:${path}`, 'Unlock'], place);
}
