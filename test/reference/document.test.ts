import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { errors } from '../../src/domain/errors.ts';
import { type Call, readContract } from '../../src/reference/contract.ts';
import { methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly 'x-rpc': string;
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required?: readonly string[];
}

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startServer();
  document = (await (await fetch(new URL('/openapi.json', server.url))).json()) as Document;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const operations = () => Object.values(document.paths).flatMap((path) => Object.values(path));

test('every call with a route is in the document, under its verb and path', () => {
  for (const { desc, verb, route } of Object.values(methods)) {
    const operation = document.paths[route]?.[verb.toLowerCase()];
    expect(operation?.['x-rpc']).toBe(`/${desc.parent.typeName}/${desc.name}`);
  }
});

test('it is of OpenAPI 3.1, and names the server by the address that it was asked by', () => {
  expect(document.openapi).toBe('3.1.1');
  expect(document.servers).toEqual([{ url: server.url }]);
});

test('no two operations have one name', () => {
  const ids = operations().map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every reference leads to a component', () => {
  const text = JSON.stringify(document);
  const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);
  expect(names.filter((name) => document.components.schemas[name] === undefined)).toEqual([]);
});

test('field rules are in it, 64 bits are text, and bodies leave out what the path carries', () => {
  const { schemas } = document.components;
  const user = schemas['zitadel.user.v2.CreateUserRequest'];
  expect(user?.properties?.organizationId).toMatchObject({ type: 'string', minLength: 1, maxLength: 200 });
  expect(user?.required).toEqual(['organizationId']);
  const unlock = schemas['latchkey.v1.UnlockUserBody'];
  expect(unlock?.properties?.userId).toBeUndefined();
  expect(unlock?.properties?.expectedGeneration).toMatchObject({ type: 'string', format: 'uint64' });
});

test('every body and answer is offered in every content type that the URL takes', () => {
  const refused = operations().filter(
    ({ requestBody }) => requestBody !== undefined && !('application/grpc' in requestBody.content),
  );
  expect(refused).toEqual([]);
  const { requestBody, responses } = document.paths['/v2/users/{user_id}/unlock']?.post ?? {};
  expect(Object.keys(requestBody?.content ?? {})).toHaveLength(11);
  expect(Object.keys(responses ?? {})).toEqual(
    expect.arrayContaining(['200', '400', '401', '403', '404', '409', '429', 'default']),
  );
});

const calls: readonly (Call & { readonly service: string })[] = readContract().services.flatMap(
  ({ name, calls }) => calls.map((call) => ({ ...call, service: name })),
);

test('every call says what it does and who may', () => {
  const silent = calls.filter(
    ({ description, permission, service }) =>
      description === '' || (permission === undefined && !service.startsWith('grpc.')),
  );
  expect(silent.map(({ service, name }) => `${service}.${name}`)).toEqual([]);
});

test('every error that a call names is one of ours', () => {
  const ids = new Set<string>(Object.values(errors).map(({ id }) => id));
  const unknown = calls.flatMap(({ name, errorIds }) =>
    errorIds.filter((id) => !ids.has(id)).map((id) => [name, id]),
  );
  expect(unknown).toEqual([]);
});

test('examples are of a call that is served, and of the first route', () => {
  const { paths } = document;
  const unlock = paths['/v2/users/{user_id}/unlock']?.post;
  expect(JSON.stringify(unlock?.responses['200'])).toMatch(
    /"recorded":\{"value":\{"details":\{"sequence":"\d+"/,
  );
  expect(calls.filter(({ example }) => example !== undefined).length).toBeGreaterThan(50);
});
