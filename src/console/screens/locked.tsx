import { useEffect, useRef, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { LockCause } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { howMany } from '../../domain/words/how-many.ts';
import { UnlockDialog } from '../dialogs/unlock.tsx';
import { Failure } from '../parts/failure.tsx';
import { follow } from '../state/follow.ts';
import { useLoad } from '../state/load.ts';
import { replaceQuery, to } from '../state/route.ts';
import { causeWords } from '../words.ts';
import {
  type Ending,
  endingOf,
  keyOf,
  type LockedPage,
  loadLocked,
  type Row,
  rowsMax,
} from './lists/rows.ts';
import { LockedTable } from './lists/table.tsx';

interface LockedProps {
  readonly query: URLSearchParams;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
}

/** Who is locked out now, the newest first, as it changes. */
export function Locked({ query, me, reasonRequired }: LockedProps) {
  const { value, failure, isLoading, reload } = useLoad(`locked?${query}`, (signal) =>
    loadLocked(query, signal),
  );
  const live = useLive(reload);
  const [open, setOpen] = useState<Row>();
  const rows = value?.rows ?? [];
  return (
    <main id="main">
      <h1>Locked now</h1>
      <Filters query={query} organizations={value?.organizations} />
      {live.isBroken && (
        <p role="status">The server does not answer. What is shown may be old; it goes on by itself.</p>
      )}
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      <p role="status" class="count">
        {value === undefined ? isLoading && 'Loading…' : countWords(value, live.arrived)}
      </p>
      {(live.arrived > 0 || live.isStale) && (
        <button type="button" onClick={live.show}>
          {showWords(live.arrived)}
        </button>
      )}
      {rows.length > 0 && (
        <LockedTable
          {...{ rows, me }}
          organizations={value?.organizations ?? new Map()}
          ended={live.ended}
          onBusy={live.setBusy}
          onUnlock={setOpen}
        />
      )}
      {value !== undefined && <Pages query={query} total={value.total} />}
      {open !== undefined && (
        <UnlockDialog
          {...{ me, reasonRequired }}
          person={{
            ...open.lock,
            name: open.name,
            organization: value?.organizations.get(open.lock.organizationId),
          }}
          lock={open.lock}
          onDone={() => live.end(keyOf(open.lock), { how: 'Unlocked', by: me.userId, ticket: '' })}
          onClose={() => {
            setOpen(undefined);
            requestAnimationFrame(() => document.getElementById(`row-${open.lock.userId}`)?.focus());
          }}
        />
      )}
    </main>
  );
}

function countWords({ total }: LockedPage, arrived: number): string {
  if (total === 0 && arrived === 0) return 'Nobody is locked out.';
  return `${howMany(total, 'person is', 'people are')} locked out.`;
}

function showWords(arrived: number): string {
  if (arrived === 0) return 'Show what has changed';
  return arrived === 1 ? 'Show a new lock' : `Show ${arrived} new locks`;
}

/** What the stream says of the rows. While somebody points at the table, or is in it, nothing moves there. */
function useLive(reload: () => void) {
  const [ended, setEnded] = useState<ReadonlyMap<string, Ending>>(new Map());
  const [arrived, setArrived] = useState(0);
  const [isStale, setStale] = useState(false);
  const [isBroken, setBroken] = useState(false);
  const isBusy = useRef(false);
  const again = useRef(reload);
  again.current = reload;
  const show = () => {
    setArrived(0);
    setStale(false);
    again.current();
  };
  const end = (key: string, ending: Ending) => setEnded((before) => new Map(before).set(key, ending));
  useEffect(
    () =>
      follow((news) => {
        setBroken(news.case === 'broken');
        if (news.case === 'begun') {
          if (isBusy.current) setStale(true);
          else show();
        }
        if (news.case === 'locked') {
          if (isBusy.current) setArrived((before) => before + 1);
          else show();
        }
        if (news.case === 'ended') end(keyOf(news.value), endingOf(news.value));
      }),
    [],
  );
  const setBusy = (busy: boolean) => {
    isBusy.current = busy;
  };
  return { ended, arrived, isStale, isBroken, show, end, setBusy };
}

function Filters({
  query,
  organizations,
}: {
  readonly query: URLSearchParams;
  readonly organizations: ReadonlyMap<string, string> | undefined;
}) {
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    next.delete('page');
    if (value === '') next.delete(name);
    else next.set(name, value);
    replaceQuery(next);
  };
  const chosen = query.get('org') ?? '';
  const all = [...(organizations ?? [])];
  if (chosen !== '' && !organizations?.has(chosen)) all.push([chosen, chosen]);
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        Organization
        <select value={chosen} onChange={(event) => set('org', event.currentTarget.value)}>
          <option value="">All</option>
          {all.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Cause
        <select
          value={query.get('cause') ?? ''}
          onChange={(event) => set('cause', event.currentTarget.value)}
        >
          <option value="">Any</option>
          {[LockCause.POLICY, LockCause.ADMINISTRATOR, LockCause.COMMAND_LINE].map((cause) => (
            <option key={cause} value={String(cause)}>
              {causeWords[cause]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Login name, in full
        <input
          type="search"
          value={query.get('login') ?? ''}
          onChange={(event) => set('login', event.currentTarget.value.trim())}
        />
      </label>
      {query.size > 0 && <a href={to.locked}>Show all</a>}
    </form>
  );
}

function Pages({ query, total }: { readonly query: URLSearchParams; readonly total: number }) {
  const page = Number(query.get('page') ?? 1) || 1;
  const last = Math.max(1, Math.ceil(total / rowsMax));
  if (last === 1 && page === 1) return null;
  const address = (number: number) => {
    const next = new URLSearchParams(query);
    next.set('page', String(number));
    return `${to.locked}?${next}`;
  };
  return (
    <nav class="pages" aria-label="Pages">
      {page > 1 && <a href={address(page - 1)}>Newer</a>}
      <span>
        Page {page} of {last}
      </span>
      {page < last && <a href={address(page + 1)}>Older</a>}
    </nav>
  );
}
