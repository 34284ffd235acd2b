import { TextQueryMethod } from '../../../gen/es/zitadel/object/v2/object_pb.js';
import { UserState } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import { howMany } from '../../domain/words/how-many.ts';
import { Failure } from '../parts/failure.tsx';
import { NameLink } from '../parts/name.tsx';
import { users } from '../state/api.ts';
import { useLoad } from '../state/load.ts';
import { loadOrganizations, type Person, personOf } from '../state/people.ts';
import { stateWords } from '../words.ts';

/** Who finds more has to say more. */
const foundMax = 50;
const textLengthMax = 200;

interface Found {
  readonly people: readonly { readonly person: Person; readonly state: UserState }[];
  readonly total: number;
  readonly organizations: ReadonlyMap<string, string>;
}

/** Everybody whose name, login name, e-mail address or id it may be. */
export function Search({ query }: { readonly query: URLSearchParams }) {
  const text = (query.get('q') ?? '').trim();
  const { value, failure, isLoading, reload } = useLoad(`search?${text}`, (signal) => search(text, signal));
  return (
    <main id="main">
      <h1>
        Search{' '}
        {text !== '' && (
          <>
            for “<bdi>{text}</bdi>”
          </>
        )}
      </h1>
      {failure !== undefined && <Failure text={failure} onRetry={reload} />}
      <p role="status" class="count">
        {value === undefined ? isLoading && 'Searching…' : countWords(value, text)}
      </p>
      {value !== undefined && value.people.length > 0 && <Results found={value} />}
    </main>
  );
}

function countWords({ total }: Found, text: string): string {
  if (text === '') return 'Write a name, a login name, an e-mail address or an id into the box above.';
  if (total === 0) return 'Nobody found among those whom you may see. A part of the name is enough.';
  if (total > foundMax)
    return `${howMany(total, 'person', 'people')} found, the first ${foundMax} shown. Write more of the name.`;
  return total === 1 ? 'One person found.' : `${total} people found.`;
}

function Results({ found: { people, organizations } }: { readonly found: Found }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Organization</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {people.map(({ person, state }) => (
          <tr key={person.userId}>
            <th scope="row">
              <NameLink {...person} />
            </th>
            <td data-label="Organization">
              <bdi>{organizations.get(person.organizationId) ?? person.organizationId}</bdi>
            </td>
            <td data-label="State">
              <State state={state} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A state in words; a locked one stands out. */
export function State({ state }: { readonly state: UserState }) {
  return <span class={`state ${state === UserState.LOCKED ? 'is-locked' : ''}`}>{stateWords[state]}</span>;
}

async function search(text: string, signal: AbortSignal): Promise<Found> {
  const organizations = await loadOrganizations(signal);
  if (text === '') return { people: [], total: 0, organizations };
  const word = text.slice(0, textLengthMax);
  const method = TextQueryMethod.CONTAINS_IGNORE_CASE;
  const queries = [
    { query: { case: 'loginNameQuery' as const, value: { loginName: word, method } } },
    { query: { case: 'displayNameQuery' as const, value: { displayName: word, method } } },
    { query: { case: 'emailQuery' as const, value: { emailAddress: word, method } } },
    {
      query: {
        case: 'externalIdQuery' as const,
        value: { externalId: word, method: TextQueryMethod.EQUALS },
      },
    },
    { query: { case: 'inUserIdsQuery' as const, value: { userIds: [word] } } },
  ];
  const { result, details } = await users.listUsers(
    { query: { limit: foundMax, asc: true }, queries: [{ query: { case: 'orQuery', value: { queries } } }] },
    { signal },
  );
  const people = result.map((user) => ({ person: personOf(user), state: user.state }));
  return { people, total: Number(details?.totalResult ?? people.length), organizations };
}
