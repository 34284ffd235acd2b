import { toJsonString } from '@bufbuild/protobuf';
import { useEffect, useState } from 'preact/hooks';
import {
  type HistoryEntry,
  HistoryEntrySchema,
  type ListUserHistoryResponse,
} from '../../../gen/es/latchkey/v1/admin_pb.js';
import { howMany } from '../../domain/words/how-many.ts';
import { admin, errorText } from '../state/api.ts';
import { msOf } from '../state/clock.ts';
import { actorOf, eventWordsOf } from '../words.ts';
import { Failure } from './failure.tsx';
import { announce } from './notices.tsx';
import { Since } from './time.tsx';

const pageLength = 20;

interface TimelineProps {
  readonly userId: string;
  /** Asked for anew whenever it is another number. */
  readonly changes: number;
}

/** What happened to somebody, the newest first. */
export function Timeline({ userId, changes }: TimelineProps) {
  const { entries, nextBeforeSequence: next, failure, load } = useHistory(userId, changes);
  const copy = () => {
    const text = `[${entries.map((entry) => toJsonString(HistoryEntrySchema, entry, { prettySpaces: 2 })).join(',\n')}]`;
    navigator.clipboard
      .writeText(text)
      .then(() => announce(`${howMany(entries.length, 'event is', 'events are')} in the clipboard.`))
      .catch(() => announce('The browser does not let this page use the clipboard.'));
  };
  return (
    <section aria-labelledby="history">
      <h2 id="history">What happened</h2>
      {failure !== undefined && <Failure text={failure} onRetry={() => load(0n)} />}
      <ol class="timeline">
        {entries.map((entry) => (
          <Entry key={String(entry.event?.sequence)} entry={entry} />
        ))}
      </ol>
      <p class="buttons">
        {next > 0n && (
          <button type="button" onClick={() => load(next)}>
            Older
          </button>
        )}
        {entries.length > 0 && (
          <button type="button" onClick={copy}>
            Copy as JSON
          </button>
        )}
      </p>
    </section>
  );
}

type History = Pick<ListUserHistoryResponse, 'entries' | 'nextBeforeSequence'>;

function useHistory(userId: string, changes: number) {
  const [history, setHistory] = useState<History>({ entries: [], nextBeforeSequence: 0n });
  const [failure, setFailure] = useState<string>();
  const load = (beforeSequence: bigint, signal?: AbortSignal) => {
    admin
      .listUserHistory({ userId, beforeSequence, limit: pageLength }, signal && { signal })
      .then((page) => {
        setFailure(undefined);
        setHistory((before) => {
          if (beforeSequence === 0n) return page;
          // Asked for twice, or overtaken by a newer first page: it does not go on where that ends.
          if (before.nextBeforeSequence !== beforeSequence) return before;
          return { ...page, entries: [...before.entries, ...page.entries] };
        });
      })
      .catch((error: unknown) => {
        if (!signal?.aborted) setFailure(errorText(error));
      });
  };
  useEffect(() => {
    const abort = new AbortController();
    load(0n, abort.signal);
    return () => abort.abort();
  }, [userId, changes]);
  return { ...history, failure, load };
}

function Entry({ entry }: { readonly entry: HistoryEntry }) {
  const { event } = entry;
  const payload = event?.payload ?? {};
  const facts = [
    ['Reason', event?.actor?.reason || payload.reason],
    ['Ticket', payload.ticket],
    ['Identification', payload.identification],
    ['From', event?.actor?.ip],
    ['Request', event?.actor?.requestId],
  ].filter(([, value]) => typeof value === 'string' && value !== '');
  return (
    <li>
      <strong>{eventWordsOf(event?.type ?? '')}</strong> by <bdi>{actorOf(entry)}</bdi>{' '}
      <Since ms={msOf(event?.creationDate)} />
      {facts.length > 0 && (
        <dl class="facts small">
          {facts.map(([name, value]) => (
            <div key={String(name)}>
              <dt>{String(name)}</dt>
              <dd>
                <bdi>{String(value)}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}
