import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { Until } from '../parts/time.tsx';
import { msOf } from '../state/clock.ts';
import type { Session } from '../state/session.ts';

/** Which server this is, who one is to it, and for how long. */
export function About({ session }: { readonly session: Extract<Session, { kind: 'in' }> }) {
  const { me, ends } = session;
  return (
    <main id="main">
      <h1>About</h1>
      <dl class="facts">
        <dt>Version</dt>
        <dd>Latchkey {ends.version}</dd>
        <dt>You are</dt>
        <dd>
          <bdi>{me.loginName || me.subject || me.userId}</bdi>
        </dd>
        <dt>Your token ends</dt>
        <dd>
          <Until ms={msOf(me.expires)} />
        </dd>
        <dt>This session ends</dt>
        <dd>
          <Until ms={ends.endsAt} />
        </dd>
        <dt>Without you</dt>
        <dd>
          <Until ms={ends.idleEndsAt} />
        </dd>
      </dl>
      <Roles me={me} />
    </main>
  );
}

function Roles({ me }: { readonly me: GetCallerResponse }) {
  return (
    <>
      <h2>Your roles</h2>
      {me.grants.length === 0 && (
        <p>None: you may read nothing here. Whoever runs the server gives you one.</p>
      )}
      <ul>
        {me.grants.map(({ role, organizationId }) => (
          <li key={`${role} ${organizationId}`}>
            <code>{role}</code>{' '}
            {organizationId === undefined ? (
              'everywhere'
            ) : (
              <>
                in <bdi>{organizationId}</bdi>
              </>
            )}
          </li>
        ))}
      </ul>
      <h2>What they permit</h2>
      <ul>
        {me.permissions.map(({ permission, everywhere, organizationIds }) => (
          <li key={permission}>
            <code>{permission}</code>{' '}
            {everywhere ? (
              'everywhere'
            ) : (
              <>
                in <bdi>{organizationIds.join(', ')}</bdi>
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
