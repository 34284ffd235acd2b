import { UsageError } from '../../../app/usage.ts';
import { metadataEntriesMax } from '../../../domain/metadata.ts';
import type { UpdatedUserRow } from '../../backend.ts';
import {
  type Command,
  type CommandContext,
  changeOptions,
  connectionOptions,
  userOptions,
} from '../../command.ts';
import type { MetadataRow } from '../../metadata-backend.ts';
import type { Column } from '../../output.ts';
import { pageOptions, printList } from '../../paging.ts';
import { userIdOf } from './name.ts';

/** `latchkey user metadata list`, `set`, `delete`. */
export const userMetadataCommands: readonly Command[] = [
  {
    path: 'user metadata list',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: 'List what other systems keep with a user, by key',
    notes: ['A value that is no text is shown in base64; with --json every value is, beside its text.'],
    options: { ...userOptions, ...pageOptions, ...connectionOptions },
    json: 'lines',
    examples: ['latchkey user metadata list --login ada@acme.example'],
    run: list,
  },
  {
    path: 'user metadata set',
    operands: '(USER_ID | --login NAME) KEY=VALUE...',
    operandsMax: metadataEntriesMax + 1,
    summary: 'Set metadata of a user; other keys stay',
    notes: ['64 keys a user, and 64 KiB of keys and values. All that is given is set, or nothing is.'],
    options: {
      base64: { help: 'the values are base64' },
      ...userOptions,
      ...changeOptions,
    },
    json: 'document',
    examples: [
      'latchkey user metadata set 69629023906488334 crm-id=4711 plan=gold',
      'latchkey user metadata set --login ada@acme.example --base64 badge=/9j/4AA=',
    ],
    run: set,
  },
  {
    path: 'user metadata delete',
    operands: '(USER_ID | --login NAME) KEY...',
    operandsMax: metadataEntriesMax + 1,
    summary: 'Delete metadata of a user, by key',
    notes: ['A key that is not set stays so.'],
    options: { ...userOptions, ...changeOptions },
    json: 'document',
    examples: ['latchkey user metadata delete --login ada@acme.example crm-id plan'],
    run: remove,
  },
];

const columns: readonly Column<MetadataRow>[] = [
  { title: 'KEY', of: ({ key }) => key },
  { title: 'BYTES', of: ({ bytes }) => bytes },
  { title: 'CHANGED', isTime: true, of: ({ changeDate }) => changeDate },
  { title: 'VALUE', of: ({ text, value }) => text ?? value },
];

async function list(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const backend = await context.backend();
  await printList(context, {
    columns,
    key: ({ key }) => key,
    fetch: (page) => backend.listMetadata({ ...page, userId }),
  });
}

async function set(context: CommandContext): Promise<void> {
  const values = new Map(operandsBehindUser(context).map((operand) => entryOf(context, operand)));
  if (values.size === 0) throw new UsageError('nothing to set: give KEY=VALUE');
  const userId = await userIdOf(withUserAlone(context));
  const backend = await context.backend();
  await print(context, await backend.setMetadata({ userId, values }));
}

async function remove(context: CommandContext): Promise<void> {
  const keys = operandsBehindUser(context);
  if (keys.length === 0) throw new UsageError('nothing to delete: give the keys');
  const userId = await userIdOf(withUserAlone(context));
  const backend = await context.backend();
  await print(context, await backend.removeMetadata({ userId, keys }));
}

async function print({ output }: CommandContext, changed: UpdatedUserRow): Promise<void> {
  await output.document(changed, [
    `Metadata of user ${changed.userId} is up to date as of ${changed.changeDate}`,
  ]);
}

/** With --login there is no user among the operands. */
function operandsBehindUser({ args }: CommandContext): readonly string[] {
  return args.text('login') === undefined ? args.operands.slice(1) : args.operands;
}

function withUserAlone(context: CommandContext): CommandContext {
  const { args } = context;
  const operands = args.text('login') === undefined ? args.operands.slice(0, 1) : [];
  return {
    ...context,
    args: {
      operands,
      text: (name) => args.text(name),
      flag: (name) => args.flag(name),
      count: (name) => args.count(name),
    },
  };
}

function entryOf({ args }: CommandContext, operand: string): readonly [string, Buffer] {
  const equals = operand.indexOf('=');
  if (equals < 1) throw new UsageError(`"${operand}" is not KEY=VALUE`);
  const [key, text] = [operand.slice(0, equals), operand.slice(equals + 1)];
  if (!args.flag('base64')) return [key, Buffer.from(text)];
  const value = Buffer.from(text, 'base64');
  if (value.toString('base64') !== text) throw new UsageError(`the value of ${key} is not base64`);
  return [key, value];
}
