import { spawn } from 'node:child_process';

export interface Place {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** Runs a program to its end; answers all that it said. Rejects with it where it fails or takes too long. */
export function run(
  command: string,
  args: readonly string[],
  { cwd, env, timeoutMs }: Place,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      said += text;
    });
  }
  child.on('error', reject);
  child.on('close', (code) => {
    if (code === 0) resolve(said);
    else reject(new Error(`${command} ${args.join(' ').slice(0, 200)}: exit ${code}\n${endOf(said)}`));
  });
  return promise;
}

/** One line that is a whole request of random text leaves room for those that say what was wrong with it. */
function endOf(said: string): string {
  const lines = said.split('\n').map((line) => (line.length > 300 ? `${line.slice(0, 300)}…` : line));
  return lines.join('\n').slice(-8_000);
}

/** Whether a program of this name is to be had. */
export async function has(program: string): Promise<boolean> {
  try {
    await run('sh', ['-c', `command -v ${program}`], { cwd: '.', timeoutMs: 10_000 });
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes('exit')) return false;
    throw error;
  }
}

let passed = 0;
let failed = 0;

/** Counts a piece of work, and says how it went. */
export async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  try {
    await work();
    passed += 1;
    process.stdout.write(`PASS ${name} (${((performance.now() - startedMs) / 1_000).toFixed(1)} s)\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** The line that .ci/run reads. */
export function sumUp(): void {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}
