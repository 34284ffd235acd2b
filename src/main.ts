import type { ServeConfig } from './app/config.ts';
import { UsageError } from './app/usage.ts';

/** argv → exit code. A server starts without the room of the command line: its start is measured. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...flags] = argv;
  if (command === 'serve' && !flags.some((flag) => flag === '--help' || flag === '-h')) {
    const code = await startServing(flags);
    if (code !== undefined) return code;
  }
  const { runCli } = await import('./cli/run.ts');
  const { wholeOutput } = await import('./cli/whole-output.ts');
  const output = wholeOutput(process.stdout);
  return runCli(argv, { input: process.stdin, output, errors: process.stderr });
}

/** Undefined on wrong usage, which the command line explains better. */
async function startServing(flags: readonly string[]): Promise<number | undefined> {
  const config = await configOf(flags);
  if (config === undefined) return undefined;
  try {
    const { serve } = await import('./app/serve.ts');
    return await serve(config);
  } catch (error) {
    const { exitCodes, toFailure } = await import('./cli/failure.ts');
    const { hideSecrets } = await import('./app/hide-secrets.ts');
    const { visibleLines } = await import('./domain/visible.ts');
    const failure = toFailure(error);
    process.stderr.write(`latchkey: ${visibleLines(hideSecrets(failure.message))}\n`);
    return exitCodes[failure.code];
  }
}

async function configOf(flags: readonly string[]): Promise<ServeConfig | undefined> {
  const { parseServeConfig } = await import('./app/config.ts');
  try {
    return parseServeConfig(flags);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

process.exitCode = await main(process.argv.slice(2));
