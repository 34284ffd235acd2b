import { UsageError } from '../../app/usage.ts';
import type { Arguments, OptionSpecs } from '../arguments.ts';
import type { Backend, EventQuery, EventRow } from '../backend.ts';
import { pageRowsMax } from '../page.ts';
import { timeOf } from './lock-filter.ts';

/** Options that say which part of the log is meant. */
export const rangeOptions = {
  after: { value: 'POSITION', help: 'only events after this one', fallback: '0' },
  since: { value: 'TIME', help: 'only events since then: 2h (ago), or 2031-01-31T12:00:00Z' },
  until: { value: 'TIME', help: 'only events before then; as --since' },
  tail: { value: 'N', help: 'the newest N events' },
  'from-now': { help: 'with --follow, only what is still to come' },
} as const satisfies OptionSpecs;

type Log = Pick<Backend, 'listEvents'>;
/** Of whom, and of which type. */
export type EventFilter = Pick<EventQuery, 'userId' | 'type'>;

/** Which events; times are milliseconds since 1970. */
export interface EventRange {
  readonly afterPosition: number;
  readonly since: number | undefined;
  readonly until: number | undefined;
}

/** The part of the log that the options ask for. Throws UsageError where they say two things at once. */
export async function rangeOf(args: Arguments, log: Log, filter: EventFilter): Promise<EventRange> {
  const tail = args.count('tail');
  const since = timeOf(args, 'since');
  const until = timeOf(args, 'until');
  const begins = [args.text('after'), args.text('since'), args.text('tail')].filter(
    (text) => text !== undefined,
  );
  if (begins.length + Number(args.flag('from-now')) > 1) {
    throw new UsageError('give one of --after, --since, --tail and --from-now: each says where to begin');
  }
  const isFollowing = args.flag('follow');
  if (isFollowing && until !== undefined) throw new UsageError('--until has an end, and --follow has none');
  if (!isFollowing && args.flag('from-now'))
    throw new UsageError('--from-now waits for events: add --follow');
  if (args.flag('from-now')) return { afterPosition: await newestPosition(log), since, until };
  if (since !== undefined) return { afterPosition: await positionBefore(log, since), since, until };
  if (tail !== undefined) return { afterPosition: await tailPosition(log, filter, tail), since, until };
  return { afterPosition: args.count('after') ?? 0, since, until };
}

/** Whether the event is in the range, as far as its time goes. */
export function isWithin({ creationDate }: EventRow, { since, until }: EventRange): boolean {
  const time = Date.parse(creationDate);
  return (since === undefined || time >= since) && (until === undefined || time < until);
}

/** Whether nothing of the range comes after a page: all of it is too late, and a page is longer than any disorder. */
export function isBehind(rows: readonly EventRow[], { until }: EventRange): boolean {
  return until !== undefined && rows.every(({ creationDate }) => Date.parse(creationDate) >= until);
}

/** Positions are numbers without gaps, so that a few looks find the last. */
async function newestPosition(log: Log): Promise<number> {
  const isPast = async (position: number) =>
    (await log.listEvents({ afterPosition: position, limit: 1 })).length === 0;
  return firstWhere(isPast);
}

// The end of a lock is written when somebody looks, with the time at which it came: the newest of some events tells
// when they were written.
const looked = 100;

async function positionBefore(log: Log, time: number): Promise<number> {
  return firstWhere(async (position) => {
    const rows = await log.listEvents({ afterPosition: position, limit: looked });
    return rows.length < looked || rows.some(({ creationDate }) => Date.parse(creationDate) >= time);
  });
}

/** The least position of which it is true; it stays true from there on. */
async function firstWhere(isTrue: (position: number) => Promise<boolean>): Promise<number> {
  if (await isTrue(0)) return 0;
  let [below, above] = [0, 1];
  while (!(await isTrue(above))) [below, above] = [above, above * 2];
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (await isTrue(middle)) above = middle;
    else below = middle;
  }
  return above;
}

const windowMin = pageRowsMax;

/** After which position the newest so many of the filter's events begin; nothing is said of those that come meanwhile. */
async function tailPosition(log: Log, filter: EventFilter, wanted: number): Promise<number> {
  const newest = await newestPosition(log);
  if (wanted === 0) return newest;
  if (filter.userId === undefined && filter.type === undefined) return Math.max(0, newest - wanted);
  for (let window = windowMin; ; window *= 4) {
    const start = Math.max(0, newest - window);
    const positions = await positionsAfter(log, filter, start);
    if (positions.length >= wanted || start === 0) return (positions.at(-wanted) ?? start + 1) - 1;
  }
}

async function positionsAfter(log: Log, filter: EventFilter, start: number): Promise<readonly number[]> {
  const positions: number[] = [];
  for (let afterPosition = start; ; ) {
    const rows = await log.listEvents({ ...filter, afterPosition, limit: pageRowsMax });
    positions.push(...rows.map(({ position }) => position));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRowsMax) return positions;
    afterPosition = last.position;
  }
}
