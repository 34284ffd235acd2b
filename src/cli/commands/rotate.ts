import { setTimeout as wait } from 'node:timers/promises';
import { UsageError } from '../../app/usage.ts';
import type { Backend, CreatedTokenRow, TokenRow } from '../backend.ts';
import { type Command, type CommandContext, changeOptions } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { parseExpiry } from '../expiry.ts';
import { CliError, toFailure } from '../failure.ts';
import { withStateHint } from './state-hint.ts';
import { expiresDefault, expiresOption, findToken } from './token.ts';

const graceSecondsMax = 86_400;

/** `latchkey token rotate`. */
export const rotateCommand: Command = {
  path: 'token rotate',
  operands: 'TOKEN_ID',
  operandsMax: 1,
  summary: 'Make a new token for the same user, then end the old one',
  notes: [
    'stdout gets the new token alone; it is shown this once. The old one ends after that and never before: where the new',
    'one cannot be shown, it is ended again and the old one stays. With --grace the command waits and ends the old one',
    'then; interrupted, it leaves both.',
  ],
  options: {
    expires: expiresOption,
    grace: {
      value: 'DURATION',
      help: 'how long the old one works beside the new one, 24h at most, such as 10m; 0: not at all',
      fallback: '0',
    },
    ...changeOptions,
  },
  json: 'document',
  examples: [
    'latchkey token rotate 1766499000123456789 > deploy-token',
    'latchkey token rotate 1766499000123456789 --expires 30d --grace 10m --reason "every month"',
  ],
  run: rotate,
};

async function rotate(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const graceSeconds = parseGrace(args.text('grace') ?? '0');
  const expiresAt = parseExpiry(args.text('expires') ?? expiresDefault, Date.now());
  const old = await findToken(context, 'rotate');
  const backend = await context.backend();
  const { userId } = old;
  const made = await withStateHint(context, { userId, action: 'token' }, () =>
    backend.createToken({ userId, expiresAt }),
  );
  await show(context, backend, { old, made, expiresAt, endsAt: Date.now() + graceSeconds * 1_000 });
  const revoke = `latchkey token revoke ${old.tokenId}`;
  if (graceSeconds > 0) {
    await output.note(
      `the old one, ${old.tokenId}, works for ${graceSeconds} s more; if this is interrupted: ${revoke}`,
    );
    await wait(graceSeconds * 1_000);
  }
  try {
    await backend.revokeToken({ userId: old.userId, tokenId: old.tokenId });
  } catch (error) {
    const { code, message } = toFailure(error);
    // Somebody else has ended it meanwhile: that is what was wanted.
    if (code === 'not_found') return;
    const text = `The new token is made, but the old one still works (${message}); end it with ${revoke}`;
    throw new CliError({ code, message: text }, error);
  }
  await output.note(`the old one, ${old.tokenId}, is ended`);
}

interface Rotation {
  readonly old: TokenRow;
  readonly made: CreatedTokenRow;
  readonly expiresAt: number;
  readonly endsAt: number;
}

async function show(context: CommandContext, backend: Backend, rotation: Rotation): Promise<void> {
  const { old, made, expiresAt, endsAt } = rotation;
  const { userId } = old;
  const expirationDate = new Date(expiresAt).toISOString();
  const replaces = { tokenId: old.tokenId, endDate: new Date(endsAt).toISOString() };
  try {
    await context.output.document({ ...made, userId, expirationDate, replaces }, [made.token]);
  } catch (error) {
    // Nobody has it, and the old one stays. A reader who has left is a failure here: nothing was rotated.
    await backend.revokeToken({ userId, tokenId: made.tokenId });
    const message = 'The new token could not be shown: it is ended again, and the old one works on';
    throw new CliError({ code: 'unavailable', message }, error);
  }
  await context.output.note(
    `token ${made.tokenId} of user ${userId}, until ${context.output.time(expirationDate)}; shown this once`,
  );
}

function parseGrace(text: string): number {
  const seconds = parseDuration(text, 'grace');
  if (seconds > graceSecondsMax) throw new UsageError('--grace must be 24h at most');
  return seconds;
}
