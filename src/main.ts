import { parseServeConfig, UsageError } from './config.ts';

/** argv → exit code. A server starts without the room of the command line: its start is measured. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...flags] = argv;
  if (command === 'serve' && !flags.some((flag) => flag === '--help' || flag === '-h')) {
    const code = await startServing(flags);
    if (code !== undefined) return code;
  }
  const { runCli } = await import('./cli/run.ts');
  return runCli(argv, { input: process.stdin, output: process.stdout, errors: process.stderr });
}

/** Undefined on wrong usage, which the command line explains better. */
async function startServing(flags: readonly string[]): Promise<number | undefined> {
  try {
    const config = parseServeConfig(flags);
    const { serve } = await import('./serve.ts');
    return await serve(config);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    const { exitCodes, toFailure } = await import('./cli/failure.ts');
    const failure = toFailure(error);
    process.stderr.write(`latchkey: ${failure.message}\n`);
    return exitCodes[failure.code];
  }
}

process.exitCode = await main(process.argv.slice(2));
