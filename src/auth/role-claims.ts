import { parseOrganizationId } from '../domain/ids.ts';
import { parseRole, roleFitsScope } from '../domain/roles.ts';
import type { Grant } from '../domain/user.ts';

/** What a value of the claim is worth here. What is not in the map is worth nothing. */
export type RoleMap = ReadonlyMap<string, readonly Grant[]>;

/**
 * `value=ROLE,value=ROLE@organizationId,…`, or as JSON `{"value": "ROLE", "value": ["ROLE@organizationId", …]}` where a
 * value holds a comma. Throws Error, with what is wrong, on what is neither, and on a role that is unknown or of the
 * other scope.
 */
export function parseRoleMap(text: string): RoleMap {
  const map = new Map<string, Grant[]>();
  for (const [value, grant] of text.trimStart().startsWith('{') ? jsonPairs(text) : listPairs(text)) {
    const known = map.get(value);
    if (known === undefined) map.set(value, [parseGrant(grant)]);
    else known.push(parseGrant(grant));
  }
  return map;
}

/** The grants of whoever shows these claims. */
export function grantsOf(
  claims: Readonly<Record<string, unknown>>,
  path: string,
  roles: RoleMap,
): readonly Grant[] {
  return valuesOf(claimAt(claims, path)).flatMap((value) => roles.get(value) ?? []);
}

type Pair = readonly [value: string, grant: string];

function listPairs(text: string): readonly Pair[] {
  return text.split(',').map((entry) => {
    const at = entry.lastIndexOf('=');
    if (at <= 0) throw new Error(`"${entry}" is not of the form value=ROLE or value=ROLE@organizationId`);
    return [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
  });
}

function jsonPairs(text: string): readonly Pair[] {
  return Object.entries(JSON.parse(text) as Record<string, unknown>).flatMap(([value, held]) =>
    (Array.isArray(held) ? held : [held]).map((grant): Pair => {
      if (typeof grant === 'string') return [value, grant];
      throw new Error(`the roles of "${value}" are not a text or a list of texts`);
    }),
  );
}

function parseGrant(text: string): Grant {
  const at = text.indexOf('@');
  const role = parseRole(at === -1 ? text : text.slice(0, at));
  if (role === undefined) throw new Error(`"${text}" names no role`);
  const organizationId = at === -1 ? undefined : parseOrganizationId(text.slice(at + 1));
  if (!roleFitsScope(role, organizationId)) {
    throw new Error(`"${text}": IAM_ roles take no organization, ORG_ roles are written ROLE@organizationId`);
  }
  return { role, ...(organizationId !== undefined && { organizationId }) };
}

/** By the whole name first, since some issuers name their claims by URL; then from dot to dot. */
function claimAt(claims: unknown, path: string): unknown {
  if (isRecord(claims) && Object.hasOwn(claims, path)) return claims[path];
  return path.split('.').reduce((value: unknown, name) => {
    return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, claims);
}

/** One text, a list of texts, or an object whose keys they are, as ZITADEL sends roles. */
function valuesOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return [claim];
  if (Array.isArray(claim)) return claim.filter((value) => typeof value === 'string');
  return isRecord(claim) ? Object.keys(claim) : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
