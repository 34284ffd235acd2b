import { expect, test } from '@jest/globals';
import { tableWithHeader } from '../tidy/markdown.ts';
import { readSource, repositoryFiles } from '../tidy/source.ts';
import { page } from './blocks.ts';

const rows = tableWithHeader(page('docs/limits.md'), ['what', 'limit', 'beyond it', 'in the code']) ?? [];

const units: Readonly<Record<string, number>> = { KiB: 1_024, MiB: 1_048_576, s: 1_000 };

/** `128 MiB` → bytes, `30 s` → milliseconds, `300 characters` → 300. */
function parseAmount(text: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+)(?: (\w+))?$/.exec(text) ?? [];
  return Number(digits.replaceAll(',', '')) * (units[unit] ?? 1);
}

/** The number that the file gives the name, by `=` or in an object: a product of literals. */
function codedValue(path: string, name: string): number {
  const given = new RegExp(`\\b${name}\\b(?:: number)?(?: =|:) ([\\d_ *]+)[;,\\s}]`).exec(
    readSource(path).text,
  );
  if (given?.[1] === undefined) throw new Error(`${path} gives ${name} no number`);
  return given[1]
    .split('*')
    .map((factor) => Number(factor.replaceAll('_', '')))
    .reduce((product, factor) => product * factor, 1);
}

/** The first table has these, in words of its own; test/readme/limits.test.ts holds it. */
const inFirstTable = [
  'src/commands/lock-user.ts lockMsMax',
  'src/domain/ids.ts idLengthMax',
  'src/domain/metadata.ts metadataBytesMax',
  'src/domain/metadata.ts metadataEntriesMax',
  'src/queries/page.ts limitMax',
  'src/queries/users.ts filterDepthMax',
  'src/rpc/console/session.ts tokenLengthMax',
  'src/rpc/convert/user-filter.ts filtersMax',
  'src/rpc/limits/message-size.ts largeMessageBytesMax',
  'src/rpc/limits/message-size.ts plainMessageBytesMax',
  'src/rpc/limits/message-size.ts publicMessageBytesMax',
  'src/rpc/origin.ts reasonLengthMax',
  'src/rpc/unlock-run.ts runIdLengthMax',
  'src/sign-in/bounds.ts importedCostMaxMax',
  'src/sign-in/bounds.ts passwordThreadsMax',
  'src/sign-in/hash-threads.ts usualCostMax',
  'src/sign-in/hash-threads.ts waitingMax',
  'src/sign-in/hash-threads.ts waitingOfOneMax',
];
/** How the work is cut into pieces, or what is cut short without a word: beyond them nobody is answered otherwise. */
const ofTheWork = [
  'src/auth/issuer/issuer.ts verifiedMax',
  'src/auth/under-way.ts restMsMax',
  'src/commands/attempts/begin.ts pauseMsMax',
  'src/commands/attempts/settle.ts endsMax',
  'src/commands/attempts/settle.ts settledMax',
  'src/commands/check-password.ts attemptsMax',
  'src/commands/erasure/erase-traces.ts attemptsMax',
  'src/commands/erasure/erase-traces.ts pagesMax',
  'src/commands/erasure/erase-user.ts waitMsMax',
  'src/commands/import.ts pageTextMax',
  'src/commands/lockout-policy.ts attemptsMax',
  'src/commands/sessions.ts attemptsMax',
  'src/commands/sessions.ts sweptMax',
  'src/commands/subscriptions.ts attemptsMax',
  'src/commands/unlock-run/cancel.ts attemptsMax',
  'src/commands/unlock-run/carry.ts atOnceMax',
  'src/commands/unlock-run/carry.ts movesMax',
  'src/commands/unlock-run/item.ts attemptsMax',
  'src/commands/unlock-run/room.ts looksMax',
  'src/commands/unlock-run/start.ts idsToldMax',
  'src/queries/events.ts followedMax',
  'src/queries/follow-locks.ts lookedAtMax',
  'src/queries/follow-locks.ts lookedBackMax',
  'src/queries/locks.ts failuresMax',
  'src/queries/unlock-preview.ts openedBytesMax',
  'src/queries/unlock-runs.ts looksMax',
  'src/queries/verify/findings.ts problemsMax',
  'src/reference/reference.ts originsMax',
  'src/rpc/console/session.ts sealedLengthMax',
  'src/rpc/convert/token.ts secondsMax',
  'src/rpc/limits/token-buckets.ts debtMsMax',
  'src/rpc/limits/token-buckets.ts sweepMax',
  'src/rpc/origin.ts userAgentLengthMax',
  'src/sign-in/answer-times.ts samplesMax',
  'src/sign-in/hash-thread.ts restMsMax',
  'src/sign-in/hash-threads.ts idleMsMax',
  'src/sign-in/repeated-passwords.ts usersMax',
  'src/webhooks/deliverer.ts newsMsMax',
  'src/webhooks/give-way.ts deliveryCpuMsMax',
];

/** Where a caller's work is done: what is named a maximum there, somebody meets. */
const rooms = /^src\/(auth|commands|domain|outbound|queries|reference|rpc|sign-in|webhooks)\/.*\.ts$/;
const maximum = /^(?:export )?const (\w*(?:Max|TimeoutMs))\b[^=\n]* = [\d_ *]+n?;/gm;

test('no maximum of the code is missing here', () => {
  const told = new Set(rows.map(([, , , place = '']) => place.replaceAll('`', '')));
  const found = repositoryFiles()
    .filter((path) => rooms.test(path))
    .flatMap((path) => [...readSource(path).text.matchAll(maximum)].map(([, name]) => `${path} ${name}`));
  expect(found.length).toBeGreaterThan(60);
  expect(found.filter((place) => !told.has(place)).sort()).toEqual([...inFirstTable, ...ofTheWork].sort());
});

test('there are rows', () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows)('%s: %s', (_, limit = '', beyond = '', place = '') => {
  const [, path = '', name = ''] = /^`(\S+)` `(\w+)`$/.exec(place) ?? [];
  expect(codedValue(path, name)).toBe(parseAmount(limit));
  expect(beyond).not.toBe('');
});
