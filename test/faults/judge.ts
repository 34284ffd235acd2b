import type { Call } from './call.ts';
import { findContradiction } from './linearizable.ts';
import { compareWithLog, describe, type LoggedEvent } from './log-check.ts';
import type { Run } from './run.ts';

/** How many calls ended in each way. */
export function countOutcomes(calls: readonly Call[]): Record<Call['answer']['outcome'], number> {
  const counts = { ok: 0, refused: 0, unknown: 0 };
  for (const { answer } of calls) counts[answer.outcome] += 1;
  return counts;
}

const contextCalls = 12;

/** Of each user whose calls cannot have taken place one after the other: which, and what was answered about then. */
export function contradictions(calls: readonly Call[]): readonly string[] {
  const found: string[] = [];
  for (const [userId, own] of Map.groupBy(calls, (call) => call.userId)) {
    const contradiction = findContradiction(own);
    if (contradiction === undefined) continue;
    const { call, possible } = contradiction;
    const states = possible.map(({ state, sequence }) => `${state} ${sequence}`).join(', ');
    const near = own
      .filter(({ answeredAtMs }) => answeredAtMs >= call.invokedAtMs - 50)
      .toSorted((one, other) => one.answeredAtMs - other.answeredAtMs)
      .slice(0, contextCalls);
    found.push(
      [
        `${userId}, which was ${states}: ${describe(call)}`,
        ...near.map((one) => `       ${describe(one)}`),
      ].join('\n'),
    );
  }
  return found;
}

const ofUsers = ({ userId }: LoggedEvent): boolean => userId.startsWith('user-');

/** Acknowledged changes that are not in the log once, and events without cause. */
export function logProblems({ calls, log }: Run): readonly string[] {
  return compareWithLog(calls, log.filter(ofUsers));
}

/** Rows that are not the fold of their events. */
export function rowProblems({ verification, log }: Run): readonly string[] {
  const { problems, events } = verification;
  return [
    ...problems.map(({ userId, text }) => `${userId}: ${text}`),
    ...(events === log.length ? [] : [`${events} events were verified, ${log.length} are there`]),
  ];
}

/** Where a follower was shown something else than the log. */
export function differences(seen: readonly LoggedEvent[], log: readonly LoggedEvent[]): readonly string[] {
  const [lines, wanted] = [seen, log].map((events) => events.map((event) => JSON.stringify(event)));
  if (lines === undefined || wanted === undefined) return [];
  const at = wanted.findIndex((line, index) => line !== lines[index]);
  const length =
    lines.length === wanted.length ? [] : [`${lines.length} events in the place of ${wanted.length}`];
  return at === -1 ? length : [...length, `${lines[at]} in the place of ${wanted[at]}`];
}
