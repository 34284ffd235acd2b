import type { GetCallerResponse } from '../../../../gen/es/latchkey/v1/admin_pb.js';
import { LockCause } from '../../../../gen/es/latchkey/v1/lock_pb.js';
import { Action } from '../../parts/action.tsx';
import { NameLink } from '../../parts/name.tsx';
import { Since, Until } from '../../parts/time.tsx';
import { Who } from '../../parts/who.tsx';
import { msOf } from '../../state/clock.ts';
import { whyNot } from '../../state/session.ts';
import { causeWords } from '../../words.ts';
import { type Ending, keyOf, type Row } from './rows.ts';

interface TableProps {
  readonly rows: readonly Row[];
  readonly me: GetCallerResponse;
  readonly organizations: ReadonlyMap<string, string>;
  readonly ended: ReadonlyMap<string, Ending>;
  /** Somebody points at it, or is in it. */
  readonly onBusy: (isBusy: boolean) => void;
  readonly onUnlock: (row: Row) => void;
}

const columns = ['Name', 'Organization', 'Cause', 'Since', 'Until', 'By', 'Attempts', ''];

/** Locks in rows. One that has ended stays where it is, struck through, until the list is asked for again. */
export function LockedTable({ rows, onBusy, ...rest }: TableProps) {
  return (
    <table
      class="locks"
      onPointerEnter={() => onBusy(true)}
      onPointerLeave={() => onBusy(false)}
      onFocusIn={() => onBusy(true)}
      onFocusOut={() => onBusy(false)}
    >
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column || <span class="unseen">Unlock</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <LockRow key={keyOf(row.lock)} row={row} {...rest} />
        ))}
      </tbody>
    </table>
  );
}

function LockRow({
  row,
  me,
  organizations,
  ended,
  onUnlock,
}: Omit<TableProps, 'rows' | 'onBusy'> & { row: Row }) {
  const { lock, name, lockedBy } = row;
  const ending = ended.get(keyOf(lock));
  return (
    <tr class={ending && 'ended'}>
      <th scope="row">
        <NameLink {...{ name }} userId={lock.userId} loginName={lock.loginName} id={`row-${lock.userId}`} />
      </th>
      <td data-label="Organization">
        <bdi>{organizations.get(lock.organizationId) ?? lock.organizationId}</bdi>
      </td>
      <td data-label="Cause">
        {causeWords[lock.cause]}
        {lock.reason !== '' && (
          <small>
            <bdi>{lock.reason}</bdi>
          </small>
        )}
      </td>
      <td data-label="Since">
        <Since ms={msOf(lock.since)} />
      </td>
      <td data-label="Until">
        <Until ms={msOf(lock.until)} />
      </td>
      <td data-label="By">
        <bdi>{lockedBy ?? (lock.cause === LockCause.POLICY ? 'the lockout policy' : 'not known')}</bdi>
      </td>
      <td data-label="Attempts" class="number">
        {lock.failedAttempts}
      </td>
      <td class="act">
        {ending === undefined ? (
          <Action
            whyNot={whyNot(me, 'user.unlock', lock.organizationId)}
            onPress={() => onUnlock(row)}
            label={`Unlock ${name || lock.loginName}`}
          >
            Unlock
          </Action>
        ) : (
          <Ended ending={ending} me={me} />
        )}
      </td>
    </tr>
  );
}

function Ended({ ending: { how, by, ticket }, me }: { readonly ending: Ending } & Pick<TableProps, 'me'>) {
  return (
    <span class="ending">
      {how}
      {by !== '' && <> by {by === me.userId ? 'you' : <Who id={by} />}</>}
      {ticket !== '' && (
        <>
          , ticket <bdi>{ticket}</bdi>
        </>
      )}
    </span>
  );
}
