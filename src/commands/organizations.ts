import { requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import { parseOrganizationId, parseText } from '../domain/ids.ts';
import type { Organization } from '../domain/user.ts';
import type { CommandApp } from './change-user.ts';

export interface NewOrganization {
  readonly name: string;
  /** Made where absent. */
  readonly organizationId?: string;
  /** DNS form; made from the name where absent. */
  readonly domain?: string;
}

// RFC 1123 host name: labels of letters, digits and inner hyphens.
const domainForm = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Makes an organization. Throws permissionMissing, fieldInvalid, organizationExists. */
export async function createOrganization(
  app: CommandApp,
  caller: Caller,
  request: NewOrganization,
): Promise<Organization> {
  requireHeldAnywhere(caller, 'organization.write');
  const organizationId = parseOrganizationId(request.organizationId ?? app.newId());
  const domain = request.domain?.toLowerCase() ?? `${slug(request.name)}.localhost`;
  if (!domainForm.test(domain)) {
    throw new DomainError('fieldInvalid', { text: 'domain: must be a host name such as "acme.example"' });
  }
  const added = await app.store.addOrganization(
    {
      type: 'organization.added',
      payload: { organizationId, name: parseText(request.name, 'name'), domain },
    },
    { createdAt: app.now(), eventId: app.newId() },
    caller.meta,
  );
  if (added === 'taken') throw new DomainError('organizationExists');
  return added;
}

function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return (
    plain
      .replace(/^-+|-+$/g, '')
      .slice(0, 60)
      .replace(/-+$/, '') || 'organization'
  );
}
