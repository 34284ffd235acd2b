import type { UserFilter } from '../domain/filter.ts';
import type { App } from './app.ts';

/**
 * Ids for the pages of the reference. They are open to anybody, so only a server of a demonstration tells any: somebody
 * whom the call fits, who is locked where it is about a lock.
 */
export async function exampleIds(
  app: Pick<App, 'store'>,
  call: string,
): Promise<Readonly<Record<string, string>>> {
  const isAboutLock = /^(Unlock|GetLock)/.test(call);
  const filters: UserFilter[] = [
    { kind: 'type', type: 'human' },
    { kind: 'state', state: isAboutLock ? 'locked' : 'active' },
  ];
  const page = { offset: 0, limit: 1, ascending: true };
  const { rows } = await app.store.listUsers({ scope: 'all', filters, sort: 'creation_date', page });
  const [user] = rows.map((row) => row.user);
  if (user === undefined) return {};
  const { userId, organizationId } = user;
  return { user_id: userId, organization_id: organizationId, org_id: organizationId };
}
