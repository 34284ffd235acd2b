import type { Arguments } from './arguments.ts';
import type { Command } from './command.ts';
import { CliError, type Failure, toFailure } from './failure.ts';

/** What a command failed with; with how to find whom or what was meant, or what is missing. The exit code stays what it is. */
export function withHint(thrown: unknown, command: Command, args: Arguments): unknown {
  const failure = toFailure(thrown);
  const hint = hintOf(failure, command, args);
  if (hint === undefined) return thrown;
  return new CliError({ ...failure, message: `${failure.message}${hint}` }, thrown);
}

/** What lists those of whom none was found. */
const lists: ReadonlyMap<string, string> = new Map([
  ['ORGANIZATION_NOT_FOUND', 'latchkey org list'],
  ['RUN_NOT_FOUND', 'latchkey lock runs'],
  ['SUBSCRIPTION_NOT_FOUND', 'latchkey hook list'],
]);

// What was typed is not repeated: behind "user set-password" it may be the password.
function hintOf({ reason, permission }: Failure, { options }: Command, args: Arguments): string | undefined {
  if (reason === 'PERMISSION_MISSING') return missingHint(permission);
  if (reason !== undefined && lists.has(reason))
    return `; an id is wanted, and ${lists.get(reason)} tells it`;
  const isId = /^\d*$/.test(args.operands[0] ?? args.text('user') ?? '');
  if (reason !== 'USER_NOT_FOUND' || isId || !('login' in options)) return undefined;
  return '; nobody has this id or name, as far as you may see: latchkey user find TEXT finds people';
}

// Without a name it is no permission that is missing, but the right to hand out a role; or an older server does not tell.
function missingHint(permission: string | undefined): string {
  const whoami = '; latchkey whoami tells what you may do';
  if (permission !== undefined) return whoami;
  return `${whoami}, and nobody acts on who holds a role that they could not hand out`;
}
