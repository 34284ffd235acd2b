import { UsageError } from '../app/usage.ts';
import type { Terminal } from './command.ts';
import { CliError } from './failure.ts';

/** Of every command that cannot be undone. */
export const yesOption = {
  yes: { help: 'do not ask; needed where no terminal is there to ask at' },
} as const;

/** Asks at the terminal, where there is one. Throws where it is not, or where the answer is not yes. */
export async function askYes(
  { input, errors }: Terminal,
  { question, refused }: { readonly question: string; readonly refused: string },
): Promise<void> {
  if (!input.isTTY) throw new UsageError('this cannot be undone: say --yes');
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input, output: errors });
  try {
    const answer = await lines.question(`${question} This cannot be undone. Type yes: `);
    if (answer.trim() === 'yes') return;
  } finally {
    lines.close();
  }
  throw new CliError({ code: 'failed_precondition', message: refused });
}
