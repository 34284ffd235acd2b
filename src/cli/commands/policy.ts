import { UsageError } from '../../app/usage.ts';
import type { LockoutPolicy } from '../../domain/lockout-policy.ts';
import type { Arguments } from '../arguments.ts';
import type { PolicyRow } from '../backend-lock.ts';
import { type Command, type CommandContext, changeOptions, connectionOptions } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { pairs } from '../output.ts';

const whose = { org: { value: 'ORG_ID', help: "this organization's; without it, the instance's" } } as const;
const switches = ['on', 'off'] as const;
const common = { operands: '', operandsMax: 0, json: 'document' } as const;

/** `latchkey policy show`, `set`, `reset`. */
export const policyCommands: readonly Command[] = [
  {
    path: 'policy show',
    ...common,
    summary: 'Show what wrong passwords lead to, and where that was set',
    notes: ['With --db, the default is that of this program: the flags of the server are not known there.'],
    options: { ...whose, ...connectionOptions },
    examples: ['latchkey policy show', 'latchkey policy show --org 69629012906488334 --json'],
    run: (context) => print(context, async (backend, org) => backend.getPolicy(org)),
  },
  {
    path: 'policy set',
    ...common,
    summary: 'Set what wrong passwords lead to; what is not named stays as it is in force',
    options: {
      ...whose,
      attempts: { value: 'N', help: 'the attempt of this number locks, at most 100; 0: never' },
      window: { value: 'TIME', help: 'older failures do not count, such as 15m; 366d at most; 0: all count' },
      'lock-for': {
        value: 'TIME',
        help: 'how long a lock lasts, such as 30m; 366d at most; 0: until somebody unlocks',
      },
      growth: { value: 'N', help: 'each further lock in a row lasts so many times as long, from 1 to 10' },
      'lock-for-max': { value: 'TIME', help: 'no lock lasts longer; 366d at most; 0: no cap' },
      'known-devices': {
        value: 'SWITCH',
        choices: switches,
        help: 'devices known from a sign-in get through',
      },
      'repeats-count-once': {
        value: 'SWITCH',
        choices: switches,
        help: 'the same wrong password counts once',
      },
      'address-failures': {
        value: 'N',
        help: 'failures from one address in 10 minutes, at most 100,000; 0: no limit',
      },
      'reset-unlocks': {
        value: 'SWITCH',
        choices: switches,
        help: 'a new password by code ends the lock that the policy set',
      },
      ...changeOptions,
    },
    examples: [
      'latchkey policy set --attempts 5 --lock-for 30m',
      'latchkey policy set --org 69629012906488334 --known-devices off',
    ],
    run: set,
  },
  {
    path: 'policy reset',
    ...common,
    summary: "Take a policy away: the instance's holds again, or the server's default",
    options: { ...whose, ...changeOptions },
    examples: ['latchkey policy reset --org 69629012906488334'],
    run: (context) => print(context, async (backend, org) => backend.resetPolicy(org)),
  },
];

async function set(context: CommandContext): Promise<void> {
  const change = changeOf(context.args);
  if (Object.keys(change).length === 0)
    throw new UsageError('nothing to set: see latchkey policy set --help');
  await print(context, async (backend, org) => backend.setPolicy(org, change));
}

type Ask = (
  backend: Awaited<ReturnType<CommandContext['backend']>>,
  organizationId: string | undefined,
) => Promise<PolicyRow>;

async function print(context: CommandContext, ask: Ask): Promise<void> {
  const { args, output } = context;
  const organizationId = args.text('org');
  const policy = await ask(await context.backend(), organizationId);
  const row = { ...(organizationId !== undefined && { organizationId }), ...policy };
  await output.document(row, pairs(facts(policy)));
}

function changeOf(args: Arguments): Partial<LockoutPolicy> {
  const count = (name: string) => args.count(name);
  const seconds = (name: string) => {
    const text = args.text(name);
    return text === undefined ? undefined : parseDuration(text, name);
  };
  const isOn = (name: string) => {
    const text = args.text(name);
    return text === undefined ? undefined : text === 'on';
  };
  return withoutAbsent({
    maxPasswordAttempts: count('attempts'),
    windowSeconds: seconds('window'),
    lockSeconds: seconds('lock-for'),
    lockGrowth: count('growth'),
    lockSecondsMax: seconds('lock-for-max'),
    knownDevices: isOn('known-devices'),
    repeatsCountOnce: isOn('repeats-count-once'),
    addressFailuresMax: count('address-failures'),
    resetUnlocks: isOn('reset-unlocks'),
  });
}

type Loose = { readonly [Key in keyof LockoutPolicy]-?: LockoutPolicy[Key] | undefined };

function withoutAbsent(values: Loose): Partial<LockoutPolicy> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function facts(policy: PolicyRow): Readonly<Record<string, string | number>> {
  const time = (seconds: number, none: string) => (seconds === 0 ? none : `${seconds} s`);
  const isOn = (value: boolean) => (value ? 'on' : 'off');
  return {
    'comes from': policy.source,
    attempts: policy.maxPasswordAttempts === 0 ? 'never locks' : policy.maxPasswordAttempts,
    window: time(policy.windowSeconds, 'all failures count'),
    'lock for': time(policy.lockSeconds, 'until somebody unlocks'),
    growth: policy.lockGrowth,
    'lock for at most': time(policy.lockSecondsMax, 'no cap'),
    'known devices': isOn(policy.knownDevices),
    'repeats count once': isOn(policy.repeatsCountOnce),
    'reset unlocks': isOn(policy.resetUnlocks ?? false),
    'failures of one address': policy.addressFailuresMax === 0 ? 'no limit' : policy.addressFailuresMax,
  };
}
