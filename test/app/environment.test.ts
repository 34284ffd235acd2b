import { describe, expect, test } from '@jest/globals';
import { ownVariable, unknownVariables } from '../../src/app/environment.ts';

/** What Kubernetes gives every pod that starts after a Service of this name. */
function serviceLinks(service: string): Record<string, string> {
  const name = service.toUpperCase().replaceAll('-', '_');
  return {
    [`${name}_SERVICE_HOST`]: '10.43.1.1',
    [`${name}_SERVICE_PORT`]: '8080',
    [`${name}_SERVICE_PORT_EVERY_PROTOCOL`]: '8080',
    [`${name}_PORT`]: 'tcp://10.43.1.1:8080',
    [`${name}_PORT_8080_TCP`]: 'tcp://10.43.1.1:8080',
    [`${name}_PORT_8080_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_8080_TCP_PORT`]: '8080',
    [`${name}_PORT_8080_TCP_ADDR`]: '10.43.1.1',
  };
}

describe('the variables of a Kubernetes Service', () => {
  test.each([
    'latchkey',
    'latchkey-db',
    'latchkey-data',
    'latchkey-log-level',
  ])('called %s are not ours', (name) => {
    const environment = serviceLinks(name);
    for (const variable of Object.keys(environment).filter((one) => one.endsWith('_PORT'))) {
      const value = ownVariable(environment, variable);
      if (String(environment[variable]).startsWith('tcp://')) expect(value).toBeUndefined();
    }
    expect(unknownVariables(environment)).toEqual([]);
  });

  test('leave our own settings alone', () => {
    const environment = { ...serviceLinks('latchkey'), LATCHKEY_PORT: '9000', LATCHKEY_HOST: '0.0.0.0' };
    expect(ownVariable(environment, 'LATCHKEY_PORT')).toBe('9000');
    expect(ownVariable(environment, 'LATCHKEY_HOST')).toBe('0.0.0.0');
    expect(ownVariable(environment, 'LATCHKEY_DB')).toBeUndefined();
  });

  test('are told by what stands beside them: alone, such a value is a mistake of somebody', () => {
    const value = 'tcp://10.43.1.1:8080';
    expect(ownVariable({ LATCHKEY_PORT: value }, 'LATCHKEY_PORT')).toBe(value);
    expect(ownVariable({ ...serviceLinks('latchkey'), LATCHKEY_DB: value }, 'LATCHKEY_DB')).toBe(value);
  });
});

describe('a variable that nothing reads is named', () => {
  test.each([
    ['LATCHKEY_LOGLEVEL', '; did you mean "LATCHKEY_LOG_LEVEL"?'],
    ['LATCHKEY_DATABSE', ''],
    ['LATCHKEY_PROT', '; did you mean "LATCHKEY_PORT"?'],
    ['LATCHKEY_TOKN', '; did you mean "LATCHKEY_TOKEN"?'],
    ['LATCHKEY_SECRET_OF_MINE', ''],
  ])('%s', (name, meant) => {
    expect(unknownVariables({ [name]: 'a-value-that-may-be-secret', PATH: '/bin' })).toEqual([
      `${name} is no setting of Latchkey and is not used${meant}`,
    ]);
  });

  test('and those that are read are not', () => {
    expect(
      unknownVariables({ LATCHKEY_URL: '', LATCHKEY_TOKEN: '', LATCHKEY_DB: '', latchkey_x: '' }),
    ).toEqual([]);
  });
});
