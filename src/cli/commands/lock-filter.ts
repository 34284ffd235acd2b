import type { LockCause } from '../../domain/lock.ts';
import type { Arguments, OptionSpecs } from '../arguments.ts';
import type { LockQuery } from '../backend-lock.ts';
import { parseDuration } from '../duration.ts';
import { parseTime } from '../expiry.ts';

const causes = ['policy', 'administrator', 'command_line'] as const satisfies readonly LockCause[];

/** Options that say which locks are meant. */
export const lockFilterOptions = {
  cause: { value: 'CAUSE', choices: causes, help: 'only locks with this cause' },
  org: { value: 'ORG_ID', help: 'only users of this organization' },
  since: { value: 'TIME', help: 'only locked since then: 2h (ago), or 2031-01-31T12:00:00Z' },
  before: { value: 'TIME', help: 'only locked before then; as --since' },
} as const satisfies OptionSpecs;

/** What they say; nothing where nothing is said. Throws UsageError. */
export function lockFilterOf(args: Arguments): Omit<LockQuery, 'offset' | 'limit'> {
  const cause = causes.find((one) => one === args.text('cause'));
  const organizationId = args.text('org');
  const [since, before] = [timeOf(args, 'since'), timeOf(args, 'before')];
  return {
    ...(cause !== undefined && { cause }),
    ...(organizationId !== undefined && { organizationId }),
    ...(since !== undefined && { since }),
    ...(before !== undefined && { before }),
  };
}

/** A time, or how long ago; milliseconds since 1970. Throws UsageError. */
export function timeOf(args: Arguments, option: 'since' | 'before' | 'until'): number | undefined {
  const text = args.text(option);
  if (text === undefined) return undefined;
  if (/^\d+[a-z]$/.test(text)) return Date.now() - parseDuration(text, option) * 1_000;
  return parseTime(text, option, '2h (ago), ');
}
