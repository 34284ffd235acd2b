import type { Duration } from '@bufbuild/protobuf/wkt';
import type { GetCallerResponse } from '../../../gen/es/latchkey/v1/admin_pb.js';
import { type GetLockoutPolicyResponse, PolicySource } from '../../../gen/es/latchkey/v1/policy_pb.js';
import { Failure } from '../parts/failure.tsx';
import { policies } from '../state/api.ts';
import { useLoad } from '../state/load.ts';
import { loadOrganizations } from '../state/people.ts';
import { whyNot } from '../state/session.ts';
import { durationWords } from '../words.ts';

const sourceWords: Readonly<Record<PolicySource, string>> = {
  [PolicySource.UNSPECIFIED]: 'not known',
  [PolicySource.DEFAULT]: "the server's default",
  [PolicySource.INSTANCE]: 'set for the whole instance',
  [PolicySource.ORGANIZATION]: "the organization's own",
};

interface Shown {
  readonly id: string;
  readonly title: string;
  readonly found: GetLockoutPolicyResponse;
}

/** When the server locks somebody by itself, in words. */
export function Policy({ me }: { readonly me: GetCallerResponse }) {
  const { value, failure, reload } = useLoad('policy', (signal) => load(me, signal));
  return (
    <main id="main">
      <h1>Policy</h1>
      <p>
        When the server locks somebody by itself. It is changed with <code>latchkey policy set</code>, or over
        the API.
      </p>
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      {value?.length === 0 && <p>{whyNot(me, 'policy.read', me.organizationId)}</p>}
      {value === undefined && failure === undefined && <p role="status">Loading…</p>}
      {value?.map(({ id, title, found }) => (
        <section key={id} class="card">
          <h2>
            <bdi>{title}</bdi>
          </h2>
          <PolicyFacts found={found} />
        </section>
      ))}
    </main>
  );
}

/** Of the instance and of the caller's own organization, as far as they may read them. */
async function load(me: GetCallerResponse, signal: AbortSignal): Promise<readonly Shown[]> {
  const held = me.permissions.find(({ permission }) => permission === 'policy.read');
  if (held === undefined) return [];
  const organizations = await loadOrganizations(signal);
  const ids = held.everywhere ? [...organizations.keys()].slice(0, 20) : held.organizationIds.slice(0, 20);
  const asked = [...(held.everywhere ? [''] : []), ...ids].map(async (id): Promise<Shown> => {
    const request = id === '' ? {} : { organizationId: id };
    const found = await policies.getLockoutPolicy(request, { signal });
    return { id, title: id === '' ? 'The whole instance' : (organizations.get(id) ?? id), found };
  });
  // Elsewhere the instance's holds, which is shown once.
  const all = await Promise.all(asked);
  return held.everywhere
    ? all.filter(({ id, found }) => id === '' || found.source === PolicySource.ORGANIZATION)
    : all;
}

function PolicyFacts({ found: { policy, source } }: { readonly found: GetLockoutPolicyResponse }) {
  const attempts = policy?.maxPasswordAttempts ?? 0;
  const facts: readonly (readonly [string, string])[] = [
    ['Where it comes from', sourceWords[source]],
    ['Locks', attempts === 0 ? 'never' : `at wrong password number ${attempts}`],
    ['Failures count', lasting(policy?.window, 'until a right password or an unlock', 'for ')],
    ['A lock lasts', lasting(policy?.lockDuration, 'until somebody unlocks')],
    [
      'The next lock lasts',
      (policy?.lockGrowth ?? 1) > 1 ? `${policy?.lockGrowth} times as long` : 'as long as the one before',
    ],
    ['At most', lasting(policy?.maxLockDuration, 'no cap')],
    ['Known devices', policy?.knownDevices ? 'have attempts of their own' : 'count like all others'],
    ['The same wrong password again', policy?.repeatsCountOnce ? 'does not count twice' : 'counts again'],
    [
      'Failures from one address',
      policy?.maxAddressFailures ? `${policy.maxAddressFailures} in ten minutes` : 'no limit',
    ],
    ['A new password by code', policy?.resetUnlocks ? 'ends the lock' : 'leaves the lock'],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function lasting(duration: Duration | undefined, none: string, before = ''): string {
  const seconds = Number(duration?.seconds ?? 0n);
  return seconds === 0 ? none : `${before}${durationWords(seconds * 1_000)}`;
}
