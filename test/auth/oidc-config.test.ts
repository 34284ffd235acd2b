import { describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';

const issuer = ['--oidc-issuer', 'https://id.example', '--oidc-audience', 'latchkey'] as const;
const withRoles = (roles: string) => parseServeConfig([...issuer, '--oidc-roles', roles]).oidc;

test('without flags there is no issuer; with three there is one', () => {
  expect(parseServeConfig([]).oidc).toBeUndefined();
  expect(withRoles('admins=IAM_OWNER')).toEqual({
    issuer: 'https://id.example',
    audience: 'latchkey',
    keysUrl: undefined,
    rolesClaim: 'roles',
    roles: new Map([['admins', [{ role: 'IAM_OWNER' }]]]),
    clockSkewSeconds: 30,
  });
});

test('roles are given as a list or as JSON', () => {
  const unlocker = { role: 'ORG_USER_UNLOCKER', organizationId: '17' };
  const viewer = { role: 'IAM_OWNER_VIEWER' };
  const both = new Map([
    ['desk', [unlocker, viewer]],
    ['a=b', [viewer]],
  ]);
  const list = 'desk=ORG_USER_UNLOCKER@17, desk=IAM_OWNER_VIEWER,a=b=IAM_OWNER_VIEWER';
  expect(withRoles(list)?.roles).toEqual(both);
  const json = { desk: ['ORG_USER_UNLOCKER@17', 'IAM_OWNER_VIEWER'], 'a=b': 'IAM_OWNER_VIEWER' };
  expect(withRoles(JSON.stringify(json))?.roles).toEqual(both);
});

describe('is refused', () => {
  test.each([
    ['a role that does not exist', 'desk=ORG_KING@17', 'names no role'],
    ['a role of an organization without one', 'desk=ORG_OWNER', 'ROLE@organizationId'],
    ['a role of the instance on an organization', 'desk=IAM_OWNER@17', 'ROLE@organizationId'],
    ['an empty organization', 'desk=ORG_OWNER@', 'organization_id: must be 1 to 200 characters long'],
    ['no role', 'desk', 'is not of the form'],
    ['no value', '=IAM_OWNER', 'is not of the form'],
    ['broken JSON', '{"desk":', 'JSON'],
    ['JSON that holds no roles', '{"desk":7}', 'are not a text'],
  ])('%s', (_, roles, message) => {
    expect(() => withRoles(roles)).toThrow(message);
  });

  test.each([
    ['an issuer alone', issuer.slice(0, 2), 'go together'],
    ['roles alone', ['--oidc-roles', 'admins=IAM_OWNER'], 'go together'],
    ['an issuer in the clear', ['--oidc-issuer', 'http://id.example'], 'not an https URL'],
    ['keys in the clear', ['--oidc-jwks-url', 'http://id.example/keys'], 'not an https URL'],
    ['keys that are no URL', ['--oidc-jwks-url', 'keys'], 'not an https URL'],
    ['more skew than five minutes', ['--oidc-clock-skew-seconds', '301'], 'from 0 to 300'],
  ])('%s', (what, flags, message) => {
    const others = what.endsWith('alone') ? [] : [...issuer, '--oidc-roles', 'admins=IAM_OWNER'];
    expect(() => parseServeConfig([...others, ...flags])).toThrow(message);
  });
});
