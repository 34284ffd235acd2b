import { UsageError } from '../../app/usage.ts';
import { eventTypes } from '../../domain/event-types.ts';
import type { ActorRow, EventRow } from '../backend.ts';
import { type Command, type CommandContext, connectionOptions, userOptions } from '../command.ts';
import { type IdsSeen, Names } from '../eyes/names.ts';
import { followThrough } from '../follow.ts';
import type { Column } from '../output.ts';
import { pageRowsMax } from '../page.ts';
import {
  type EventFilter,
  type EventRange,
  isBehind,
  isWithin,
  rangeOf,
  rangeOptions,
} from './event-range.ts';
import { userIdIfGiven } from './user/name.ts';

/** `latchkey events`. */
export const eventsCommands: readonly Command[] = [
  {
    path: 'events',
    operands: '',
    operandsMax: 0,
    summary: 'List who did what to whom, when, from where and why; oldest first',
    notes: [
      '--after with the position of the last row seen goes on where an earlier run ended.',
      '--follow outlives a restart of its server: it goes on after the last event that it was shown.',
    ],
    options: {
      follow: { help: 'go on with every new event until interrupted' },
      'retry-seconds': {
        value: 'N',
        help: 'with --follow, how long to look for a server that is gone',
        fallback: '60; 0: not at all',
      },
      ...rangeOptions,
      limit: { value: 'N', help: 'how many events at most', fallback: '100; with --follow, no limit' },
      all: { help: 'all events, however many' },
      user: { value: 'USER_ID', help: "only this user's" },
      ...userOptions,
      type: { value: 'TYPE', choices: eventTypes, help: 'only of this type' },
      ...connectionOptions,
    },
    json: 'lines',
    examples: [
      'latchkey events --type user.locked --all',
      'latchkey events --login ada@acme.example',
      'latchkey events --since 2h --all',
      'latchkey events --tail 20 --type user.locked',
      'latchkey events --follow --after 4711 --json',
    ],
    run: events,
  },
];

/** The columns of an event. */
export const eventColumnsOf = (names: Names): readonly Column<EventRow>[] => [
  { title: 'POSITION', of: ({ position }) => position },
  { title: 'TIME', width: 24, isTime: true, of: ({ creationDate }) => creationDate },
  { title: 'TYPE', width: 18, of: ({ type }) => type },
  { title: 'USER', width: 19, of: ({ userId }) => userId || undefined },
  { title: 'LOGIN NAME', width: 24, of: ({ userId, creationDate }) => names.loginName(userId, creationDate) },
  { title: 'BY', width: 24, of: (event) => actorName(event.actor, names, event.creationDate) },
  { title: 'FROM', width: 15, of: ({ actor }) => actor.ip },
  { title: 'REASON', of: reasonOf },
];

/** Why, and what whoever unlocked said besides: the ticket, and how the person was identified. */
export function reasonOf({ actor, payload }: Pick<EventRow, 'actor' | 'payload'>): string | undefined {
  const { ticket, identification } = payload;
  const said = [
    ...(actor.reason === undefined ? [] : [actor.reason]),
    ...(typeof ticket === 'string' && ticket !== '' ? [`ticket ${ticket}`] : []),
    ...(typeof identification === 'string' && identification !== ''
      ? [`identified by: ${identification}`]
      : []),
  ];
  return said.length === 0 ? undefined : said.join('; ');
}

/** "policy:" and the policy, a user's id, "os:" and the operating system's user, or the issuer and subject of another's token. */
export function actorName(actor: ActorRow, names?: Names, at?: string): string | undefined {
  if (actor.policy !== undefined) return `policy:${actor.policy}`;
  if (actor.userId !== undefined) return names?.user(actor.userId, at) ?? actor.userId;
  return actor.osUser === undefined ? actor.subject : `os:${actor.osUser}`;
}

/** Whose names stand in the rows. */
export const idsOfEvents = (rows: readonly EventRow[]): IdsSeen => ({
  users: rows.flatMap(({ userId, actor }) => [userId, actor.userId]),
});

async function events(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const filter = await filterOf(context);
  const range = await rangeOf(args, await context.backend(), filter);
  const names = new Names(context);
  const columns = eventColumnsOf(names);
  if (!args.flag('follow')) {
    const shown = await output.rows(columns, names.of(pagesOf(context, filter, range), idsOfEvents));
    if (shown === 0) await output.note('none');
    return;
  }
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const news = follow(context, { ...filter, ...range }, stop);
    await output.rows(columns, names.of(news, idsOfEvents));
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

async function filterOf(context: CommandContext): Promise<EventFilter> {
  const { args } = context;
  const byId = args.text('user');
  if (byId !== undefined && args.text('login') !== undefined) {
    throw new UsageError('give --user USER_ID or --login NAME, not both');
  }
  const userId = byId ?? (await userIdIfGiven(context));
  const type = args.text('type');
  return { ...(userId !== undefined && { userId }), ...(type !== undefined && { type }) };
}

const limitDefault = 100;
const retrySecondsDefault = 60;

async function* pagesOf({ args, backend }: CommandContext, filter: EventFilter, range: EventRange) {
  const source = await backend();
  let { afterPosition } = range;
  // The newest so many are as many as they are.
  const isWhole = args.flag('all') || (args.text('tail') !== undefined && args.text('limit') === undefined);
  let wanted = isWhole ? Number.POSITIVE_INFINITY : (args.count('limit', 1) ?? limitDefault);
  while (wanted > 0) {
    const isTimed = range.since !== undefined || range.until !== undefined;
    const limit = isTimed ? pageRowsMax : Math.min(wanted, pageRowsMax);
    const rows = await source.listEvents({ ...filter, afterPosition, limit });
    const shown = rows.filter((row) => isWithin(row, range)).slice(0, wanted);
    yield shown;
    if (rows.length < limit || isBehind(rows, range)) return;
    afterPosition = rows.at(-1)?.position ?? afterPosition;
    wanted -= shown.length;
  }
}

async function* follow(
  { args, backend, output }: CommandContext,
  filter: EventFilter & EventRange,
  stop: AbortController,
) {
  const source = await backend();
  let wanted = args.count('limit', 1) ?? Number.POSITIVE_INFINITY;
  const events = followThrough(source, {
    afterPosition: filter.afterPosition,
    signal: stop.signal,
    retryMs: (args.count('retry-seconds') ?? retrySecondsDefault) * 1_000,
    note: output.note,
  });
  for await (const event of events) {
    // The stream has no filter of its own: a follower must see every position to know that it missed none.
    if (filter.userId !== undefined && event.userId !== filter.userId) continue;
    if (filter.type !== undefined && event.type !== filter.type) continue;
    if (!isWithin(event, filter)) continue;
    yield [event];
    wanted -= 1;
    if (wanted === 0) return;
  }
}
