import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { useMemo, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../../gen/es/latchkey/v1/admin_pb.js';
import { LockCause } from '../../../../gen/es/latchkey/v1/lock_pb.js';
import type { PreviewUnlockResponse } from '../../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { AskForm, ReasonField, textOf } from '../../dialogs/reason.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Since } from '../../parts/time.tsx';
import { newRequestId, runs } from '../../state/api.ts';
import { msOf, serverNow } from '../../state/clock.ts';
import { useLoad } from '../../state/load.ts';
import { loadOrganizations } from '../../state/people.ts';
import { navigate, replaceQuery, to } from '../../state/route.ts';
import { causeWords } from '../../words.ts';
import { runStateWords } from './words.ts';

const hourMs = 3_600_000;

const spans: Readonly<Record<string, readonly [words: string, ms: number]>> = {
  '15m': ['the last 15 minutes', hourMs / 4],
  '2h': ['the last 2 hours', 2 * hourMs],
  '8h': ['the last 8 hours', 8 * hourMs],
  '1d': ['the last day', 24 * hourMs],
  '7d': ['the last week', 7 * 24 * hourMs],
};
const causes = [LockCause.POLICY, LockCause.ADMINISTRATOR, LockCause.COMMAND_LINE];
const sampleSize = 10;
/** More of them take a permission of their own. */
const withoutBulkMax = 100;

interface WavesProps {
  readonly query: URLSearchParams;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
}

/** Many who were locked out at once: how many, who, and the way to unlock them all. */
export function Waves({ query, me, reasonRequired }: WavesProps) {
  const { value, failure, isLoading, reload } = useLoad(`wave?${query}`, (signal) => load(query, signal));
  return (
    <main id="main">
      <h1>A wave of locks</h1>
      <p>Locks set by a mistake or an attack, unlocked as one piece of work that can be taken back.</p>
      <WaveFilter query={query} organizations={value?.organizations} />
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      {value === undefined && isLoading && <p role="status">Counting…</p>}
      {value !== undefined && (
        <Preview
          {...{ me, reasonRequired, reload }}
          preview={value.preview}
          organizations={value.organizations}
        />
      )}
      <Runs />
    </main>
  );
}

async function load(query: URLSearchParams, signal: AbortSignal) {
  const spanMs = spans[query.get('since') ?? '2h']?.[1];
  const cause = causes.find((one) => String(one) === query.get('cause'));
  const organizationId = query.get('org');
  const filter = {
    ...(spanMs !== undefined && { lockedSince: timestampFromMs(serverNow() - spanMs) }),
    ...(cause !== undefined && { causes: [cause] }),
    ...(organizationId && { organizationId }),
  };
  const [preview, organizations] = await Promise.all([
    runs.previewUnlock({ filter, sampleSize }, { signal }),
    loadOrganizations(signal),
  ]);
  return { preview, organizations };
}

interface FilterProps {
  readonly query: URLSearchParams;
  readonly organizations: ReadonlyMap<string, string> | undefined;
}

function WaveFilter({ query, organizations }: FilterProps) {
  const field = (name: string, label: string, options: readonly (readonly [string, string])[]) => (
    <label>
      {label}
      <select
        value={query.get(name) ?? (name === 'since' ? '2h' : '')}
        onChange={(event) => {
          const next = new URLSearchParams(query);
          next.set(name, event.currentTarget.value);
          replaceQuery(next);
        }}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      {field(
        'since',
        'Locked in',
        Object.entries(spans).map(([value, [words]]) => [value, words] as const),
      )}
      {field('cause', 'Cause', [
        ['', 'Any'],
        ...causes.map((cause) => [String(cause), causeWords[cause]] as const),
      ])}
      {field('org', 'Organization', [['', 'All'], ...(organizations ?? [])])}
    </form>
  );
}

interface PreviewProps {
  readonly preview: PreviewUnlockResponse;
  readonly organizations: ReadonlyMap<string, string>;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
  readonly reload: () => void;
}

function Preview({ preview, organizations, me, reasonRequired, reload }: PreviewProps) {
  const {
    count,
    causes: byCause,
    organizations: byOrganization,
    earliest,
    latest,
    sample,
    notPermitted,
  } = preview;
  if (count === 0n) return <p role="status">Nobody was locked out in this time.</p>;
  return (
    <section class="card" aria-labelledby="preview">
      <h2 id="preview">
        {String(count)} {count === 1n ? 'lock' : 'locks'}
      </h2>
      <p>
        From <Since ms={msOf(earliest)} /> to <Since ms={msOf(latest)} />
      </p>
      <dl class="facts">
        {byCause.map((one) => (
          <div key={one.cause}>
            <dt>{causeWords[one.cause]}</dt>
            <dd>{String(one.count)}</dd>
          </div>
        ))}
        {byOrganization.slice(0, 10).map((one) => (
          <div key={one.organizationId}>
            <dt>
              <bdi>{organizations.get(one.organizationId) ?? one.organizationId}</bdi>
            </dt>
            <dd>{String(one.count)}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        Among them <bdi>{sample.map(({ loginName, userId }) => loginName || userId).join(', ')}</bdi>
      </p>
      {notPermitted > 0n && (
        <p>{String(notPermitted)} of them you may not unlock; they will be left alone.</p>
      )}
      <StartForm
        key={String(preview.runTokenExpires?.seconds)}
        {...{ preview, me, reasonRequired, reload }}
      />
    </section>
  );
}

function StartForm({ preview, me, reasonRequired, reload }: Omit<PreviewProps, 'organizations'>) {
  const requestId = useMemo(newRequestId, []);
  const { count, runToken } = preview;
  const why = whyNoRun(me, preview);
  if (why !== undefined) return <p class="failure">{why}</p>;
  const send = async (form: FormData) => {
    const { run } = await runs.startUnlockRun({
      ...{ runToken, requestId, confirmedCount: count },
      reason: textOf(form, 'reason'),
      ticket: textOf(form, 'ticket'),
    });
    navigate(to.run(run?.runId ?? ''));
  };
  return (
    <AskForm isPart verb={`Unlock ${count}`} onSend={send}>
      <ReasonField required={reasonRequired} />
      <label>
        Ticket (may be left out)
        <input name="ticket" maxLength={200} autocomplete="off" />
      </label>
      <label>
        Type the number {String(count)} to unlock so many
        <input
          name="count"
          inputMode="numeric"
          autocomplete="off"
          required
          pattern={String(count)}
          title={String(count)}
        />
      </label>
      <p class="hint">
        What you see is good for 15 minutes.{' '}
        <button type="button" onClick={reload}>
          Count again
        </button>
      </p>
    </AskForm>
  );
}

function whyNoRun(me: GetCallerResponse, { count, runToken }: PreviewUnlockResponse): string | undefined {
  const holds = (permission: string) => me.permissions.some((one) => one.permission === permission);
  if (!holds('user.unlock')) return 'This takes the permission user.unlock, which you do not have.';
  if (count > withoutBulkMax && !holds('user.unlock.bulk'))
    return `More than ${withoutBulkMax} at once take the permission user.unlock.bulk, which you do not have.`;
  return runToken.length === 0 ? 'There is nobody among them whom you may unlock.' : undefined;
}

/** What was done before. */
function Runs() {
  const [pages, setPages] = useState(1);
  const { value, failure, reload } = useLoad(`runs ${pages}`, (signal) => loadRuns(pages, signal));
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">Runs so far</h2>
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      {value?.all.length === 0 && <p>None yet.</p>}
      <ul>
        {value?.all.map((run) => (
          <li key={run.runId}>
            <a href={to.run(run.runId)}>
              {run.revertsRunId === '' ? `${run.total} to unlock` : `${run.total} to lock again`}
            </a>{' '}
            {runStateWords[run.state]} <Since ms={msOf(run.started)} />
          </li>
        ))}
      </ul>
      {value?.hasMore && (
        <button type="button" onClick={() => setPages(pages + 1)}>
          Older
        </button>
      )}
    </section>
  );
}

async function loadRuns(pages: number, signal: AbortSignal) {
  const all: Awaited<ReturnType<typeof runs.listUnlockRuns>>['runs'] = [];
  let pageToken = '';
  for (let page = 0; page < pages; page += 1) {
    const answer = await runs.listUnlockRuns({ pageToken }, { signal });
    all.push(...answer.runs);
    pageToken = answer.nextPageToken;
    if (pageToken === '') break;
  }
  return { all, hasMore: pageToken !== '' };
}
