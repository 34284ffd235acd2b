import { useEffect, useMemo, useState } from 'preact/hooks';
import type { GetCallerResponse } from '../../../../gen/es/latchkey/v1/admin_pb.js';
import {
  UnlockOutcome,
  type UnlockRun,
  UnlockRunState,
} from '../../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { AskForm, ReasonField, textOf } from '../../dialogs/reason.tsx';
import { Action } from '../../parts/action.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Failure } from '../../parts/failure.tsx';
import { NameLink } from '../../parts/name.tsx';
import { announce } from '../../parts/notices.tsx';
import { Since } from '../../parts/time.tsx';
import { Who } from '../../parts/who.tsx';
import { askSession, errorText, liveRuns, newRequestId, runs } from '../../state/api.ts';
import { msOf } from '../../state/clock.ts';
import { useLoad } from '../../state/load.ts';
import { navigate, to } from '../../state/route.ts';
import { download, loadItems } from './items.ts';
import { countsOf, outcomeWords, runStateWords, triedOf } from './words.ts';

interface RunProps {
  readonly runId: string;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
}

/** One run: how far it is, what became of each, and the way back. */
export function Run({ runId, me, reasonRequired }: RunProps) {
  const { run, failure } = useRun(runId);
  return (
    <main id="main">
      <p>
        <a href={to.waves}>All waves</a>
      </p>
      <h1>{run?.revertsRunId ? 'A run taken back' : 'A run of unlocks'}</h1>
      {failure !== undefined && <Failure text={failure} />}
      {run === undefined && failure === undefined && <p role="status">Loading…</p>}
      {run !== undefined && (
        <>
          <Progress run={run} />
          <RunActions key={runId} {...{ run, me, reasonRequired }} />
          <Items run={run} />
        </>
      )}
    </main>
  );
}

const retryMs = 2_000;

/** The run as it moves on; the stream ends with the run. */
function useRun(runId: string) {
  const [run, setRun] = useState<UnlockRun>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    const watch = async () => {
      for (let isOver = false; !isOver && !abort.signal.aborted; ) {
        try {
          for await (const message of liveRuns.watchUnlockRun({ runId }, { signal: abort.signal })) {
            setFailure(undefined);
            setRun(message.run);
          }
          isOver = true;
        } catch (error) {
          if (abort.signal.aborted) return;
          await askSession(error);
          setFailure(errorText(error));
          await new Promise((resolve) => setTimeout(resolve, retryMs));
        }
      }
    };
    void watch();
    return () => abort.abort();
  }, [runId]);
  return { run, failure };
}

function Progress({ run }: { readonly run: UnlockRun }) {
  const tried = triedOf(run);
  return (
    <section class="card" aria-labelledby="progress">
      <h2 id="progress">{run.cancelling ? 'About to end' : runStateWords[run.state]}</h2>
      <p>
        <progress aria-labelledby="progress" max={Math.max(1, Number(run.total))} value={tried} /> {tried} of{' '}
        {String(run.total)}
      </p>
      <dl class="facts" aria-live="polite">
        {countsOf(run).map(([outcome, count]) => (
          <div key={outcome}>
            <dt>{outcomeWords[outcome]}</dt>
            <dd>{count}</dd>
          </div>
        ))}
        <dt>Started</dt>
        <dd>
          <Since ms={msOf(run.started)} />
        </dd>
        <dt>By</dt>
        <dd>
          <Who id={run.startedBy} atMs={msOf(run.started)} />
        </dd>
        <dt>Reason</dt>
        <dd>
          <bdi>
            {run.reason || '–'} {run.ticket !== '' && `(ticket ${run.ticket})`}
          </bdi>
        </dd>
        {run.revertsRunId !== '' && (
          <>
            <dt>Takes back</dt>
            <dd>
              <a href={to.run(run.revertsRunId)}>{run.revertsRunId}</a>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

interface RunActionsProps {
  readonly run: UnlockRun;
  readonly me: GetCallerResponse;
  readonly reasonRequired: boolean;
}

function RunActions({ run, me, reasonRequired }: RunActionsProps) {
  const [isOpen, setOpen] = useState(false);
  const isRunning = run.state === UnlockRunState.RUNNING;
  const lacks = (permission: string) =>
    me.permissions.some((one) => one.permission === permission)
      ? undefined
      : `This takes the permission ${permission}, which you do not have.`;
  const whyNoRevert =
    run.revertsRunId !== ''
      ? 'It takes back another run itself.'
      : isRunning
        ? 'It is under way.'
        : undefined;
  const report = (error: unknown) => announce(errorText(error));
  const sayPart = (isWhole: boolean) => {
    if (!isWhole)
      announce('The first 100,000 are in the file. All of them: latchkey lock run RUN_ID --items');
  };
  return (
    <p class="buttons">
      <Action
        whyNot={lacks('user.unlock') ?? (isRunning ? undefined : 'It has ended.')}
        onPress={() => void runs.cancelUnlockRun({ runId: run.runId }).catch(report)}
      >
        Cancel the run
      </Action>
      <Action kind="danger" whyNot={lacks('user.write') ?? whyNoRevert} onPress={() => setOpen(true)}>
        Take it back
      </Action>
      <button type="button" onClick={() => void download(run.runId).then(sayPart).catch(report)}>
        Download
      </button>
      {isOpen && <RevertDialog {...{ run, reasonRequired }} onClose={() => setOpen(false)} />}
    </p>
  );
}

interface RevertProps {
  readonly run: UnlockRun;
  readonly reasonRequired: boolean;
  readonly onClose: () => void;
}

function RevertDialog({ run, reasonRequired, onClose }: RevertProps) {
  const requestId = useMemo(newRequestId, []);
  const send = async (form: FormData) => {
    const reason = textOf(form, 'reason');
    const answer = await runs.revertUnlockRun({ runId: run.runId, requestId, reason });
    onClose();
    navigate(to.run(answer.run?.runId ?? ''));
  };
  return (
    <Dialog title="Take the run back" onClose={onClose}>
      <AskForm verb="Lock them again" kind="danger" onSend={send}>
        <p>
          {run.unlocked === 1n ? 'The one whom it unlocked is' : `The ${run.unlocked} whom it unlocked are`}{' '}
          locked again, until the time that their old lock had. Whoever has signed in, was changed or locked
          since is left alone.
        </p>
        <ReasonField required={reasonRequired} />
      </AskForm>
    </Dialog>
  );
}

function Items({ run }: { readonly run: UnlockRun }) {
  const [outcome, setOutcome] = useState(UnlockOutcome.UNSPECIFIED);
  const { runId, state } = run;
  // Asked for anew when it has ended.
  const key = `items ${runId} ${outcome} ${state}`;
  const { value, failure, reload } = useLoad(key, (signal) => loadItems(runId, outcome, signal));
  return (
    <section aria-labelledby="items">
      <h2 id="items">What became of each</h2>
      <div class="filters">
        <label>
          Outcome
          <select value={outcome} onChange={(event) => setOutcome(Number(event.currentTarget.value))}>
            <option value={UnlockOutcome.UNSPECIFIED}>All</option>
            {countsOf(run)
              .filter(([one]) => one !== UnlockOutcome.UNSPECIFIED)
              .map(([one, count]) => (
                <option key={one} value={one}>
                  {outcomeWords[one]} ({count})
                </option>
              ))}
          </select>
        </label>
      </div>
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      {value !== undefined && value.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {value.map((item) => (
              <tr key={item.userId}>
                <th scope="row">
                  <NameLink userId={item.userId} name={item.loginName} loginName={item.userId} />
                </th>
                <td data-label="Outcome">
                  {outcomeWords[item.outcome]}
                  {item.why !== '' && <small>{item.why}</small>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {value !== undefined && <p class="hint">100 at most are shown; the download has them all.</p>}
    </section>
  );
}
