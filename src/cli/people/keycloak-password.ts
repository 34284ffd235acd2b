import { type Members, parseMembers } from './members.ts';
import { RowFault } from './person.ts';

/** The hash in the form that is kept here, or why it cannot be taken; neither where there is no password. */
export interface KeycloakPassword {
  readonly hash?: string;
  readonly fault?: string;
}

/** The first password among the credentials. Since Keycloak 8 its data are JSON inside texts. */
export function keycloakPassword(credentials: readonly Members[]): KeycloakPassword {
  const password = credentials.find((one) => one.text('type') === 'password');
  if (password === undefined) return {};
  try {
    return { hash: hashOf(password) };
  } catch (error) {
    if (error instanceof RowFault) return { fault: `password: ${error.message}` };
    throw error;
  }
}

function hashOf(password: Members): string {
  if (password.has('credentialData')) {
    const data = parseMembers(password.text('credentialData'));
    const secret = parseMembers(password.text('secretData'));
    return inPhc(data, { value: secret.text('value'), salt: secret.text('salt') });
  }
  const value = password.text('hashedSaltedValue');
  if (value !== undefined) return inPhc(password, { value, salt: password.text('salt') });
  throw new RowFault('stands there as it is, not as a hash: give them one by user set-password');
}

interface Secret {
  readonly value: string | undefined;
  readonly salt: string | undefined;
}

const pbkdf2: ReadonlyMap<string, string> = new Map([
  ['pbkdf2', 'pbkdf2-sha1'],
  ['pbkdf2-sha256', 'pbkdf2-sha256'],
  ['pbkdf2-sha512', 'pbkdf2-sha512'],
]);

function inPhc(data: Members, { value, salt }: Secret): string {
  const algorithm = data.text('algorithm') ?? 'pbkdf2';
  const rounds = data.text('hashIterations') ?? '';
  if (value === undefined) throw new RowFault('has no value');
  if (/^\$2[aby]\$/.test(value)) return value;
  if (salt === undefined) throw new RowFault('has no salt');
  const tail = `${withoutPadding(salt)}$${withoutPadding(value)}`;
  const kind = pbkdf2.get(algorithm);
  if (kind !== undefined) return `$${kind}$i=${rounds}$${tail}`;
  if (algorithm !== 'argon2') throw new RowFault('is hashed by an algorithm that is not checked here');
  const parameters = data.inner('additionalParameters');
  const first = (name: string): string | undefined => parameters.texts(name)[0];
  const type = first('type') ?? 'id';
  if (first('version') !== undefined && first('version') !== '1.3') {
    throw new RowFault('is hashed by argon2 of an old version');
  }
  return `$argon2${type}$v=19$m=${first('memory')},t=${rounds},p=${first('parallelism')}$${tail}`;
}

const withoutPadding = (text: string): string => text.replace(/=+$/, '');
