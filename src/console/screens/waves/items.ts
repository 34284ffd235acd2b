import type { UnlockOutcome, UnlockRunItem } from '../../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { runs } from '../../state/api.ts';
import { outcomeWords } from './words.ts';

const pageLength = 1_000;
/** Who wants more asks the API for it. */
const pagesMax = 100;

/** A page of what became of each. */
export async function loadItems(runId: string, outcome: UnlockOutcome, signal: AbortSignal) {
  const { items } = await runs.listUnlockRunItems({ runId, outcome, pageSize: 100 }, { signal });
  return items;
}

/** All of them, as a file of the browser's: 100,000 at most. Answers whether that is all. */
export async function download(runId: string): Promise<boolean> {
  const lines = ['user_id,login_name,organization_id,outcome,why'];
  let pageToken = '';
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await runs.listUnlockRunItems({ runId, pageSize: pageLength, pageToken });
    for (const item of answer.items) lines.push(lineOf(item));
    pageToken = answer.nextPageToken;
    if (pageToken === '') break;
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv' }));
  link.download = `unlock-run-${runId}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  return pageToken === '';
}

function lineOf({ userId, loginName, organizationId, outcome, why }: UnlockRunItem): string {
  return [userId, loginName, organizationId, outcomeWords[outcome], why].map(cellOf).join(',');
}

// RFC 4180; and a program for tables takes what begins so for a formula.
function cellOf(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
