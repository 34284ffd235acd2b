import { transitions } from '../../src/domain/user-state.ts';
import type { Call } from './call.ts';

/** An event as the table holds it, or as a follower was shown it. */
export interface LoggedEvent {
  readonly position: number;
  readonly userId: string;
  readonly sequence: number;
  readonly type: string;
  /** Of the call that made it. */
  readonly requestId: string;
}

/**
 * What is wrong between the calls and the log: an acknowledged change that is not there exactly once, under its
 * sequence and its type, or an event that no call can have made. Empty where nothing is.
 */
export function compareWithLog(calls: readonly Call[], log: readonly LoggedEvent[]): readonly string[] {
  const eventsOf = Map.groupBy(log, ({ requestId }) => requestId);
  const callOf = new Map(calls.map((call) => [call.requestId, call]));
  const complaints: string[] = [];
  for (const call of calls) {
    const { kind, answer, requestId } = call;
    if (kind === 'get' || answer.outcome !== 'ok') continue;
    const made = eventsOf.get(requestId) ?? [];
    if (made.length === 0) complaints.push(`lost: ${describe(call)}`);
    for (const { sequence } of made) {
      if ((answer.sequence ?? sequence) === sequence) continue;
      complaints.push(`logged under sequence ${sequence}: ${describe(call)}`);
    }
  }
  for (const [requestId, made] of eventsOf) {
    const call = callOf.get(requestId);
    if (made.length > 1) complaints.push(`done ${made.length} times: ${requestId}`);
    for (const event of made) {
      if (isMadeBy(event, call)) continue;
      const cause = call === undefined ? 'no call' : describe(call);
      complaints.push(`without cause: ${event.userId} ${event.sequence} ${event.type}, by ${cause}`);
    }
  }
  return complaints;
}

function isMadeBy({ userId, type }: LoggedEvent, call: Call | undefined): boolean {
  if (call === undefined || call.kind === 'get' || call.userId !== userId) return false;
  const wanted = call.kind === 'create' ? 'user.machine.added' : transitions[call.kind].event;
  return type === wanted && call.answer.outcome !== 'refused';
}

/** A call in one line. */
export function describe({ requestId, userId, kind, answer, ...call }: Call): string {
  const time = `${call.invokedAtMs.toFixed(1)}–${call.answeredAtMs.toFixed(1)} ms`;
  const { outcome, ...facts } = answer;
  return `${requestId} ${kind} ${userId} ${time} ${outcome} ${Object.values(facts).join(' ')}`.trim();
}
