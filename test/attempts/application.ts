/**
 * One process of an application that checks passwords itself: `node application.ts '{"urls":[…],"token":"…","guesses":7}'`.
 * Each line on stdin is a user id, whom so many guess at at once; a line on stdout says what each was told.
 */
import { createInterface } from 'node:readline';

const { urls, token, guesses } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly urls: readonly string[];
  readonly token: string;
  readonly guesses: number;
};

let asked = process.pid;

/** Of the servers, each in its turn. */
async function post(path: string, message: object): Promise<Record<string, unknown>> {
  asked += 1;
  const answer = await fetch(`${urls[asked % urls.length]}/latchkey/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
  return (await answer.json()) as Record<string, unknown>;
}

async function guess(userId: string): Promise<string> {
  const begun = await post('attempts', { userId });
  if (begun.attemptId === undefined) return String(begun.message);
  const ended = await post(`attempts/${begun.attemptId}/end`, { outcome: 'OUTCOME_FAILED' });
  return ended.attemptsLeft === undefined && ended.lock === undefined ? String(ended.message) : 'failed';
}

for await (const userId of createInterface({ input: process.stdin })) {
  const told = await Promise.all(Array.from({ length: guesses }, () => guess(userId)));
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
