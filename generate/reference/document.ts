import type { DescMessage, DescMethod, DescService, FileRegistry } from '@bufbuild/protobuf';
import { errorsOfEveryCall } from '../../src/reference/error-table.ts';
import { createDialectTable } from '../../src/server/dialects/table.ts';
import { compileRoutes, type Route } from '../../src/server/routes/http-rule.ts';
import { descriptionOf } from './comment.ts';
import type { Examples } from './example.ts';
import type { Schema } from './field-schema.ts';
import { enumSchema, messageSchema, reachedFrom } from './message-schema.ts';
import { bodySchemas, failureResponses, operationOf } from './operation.ts';

/** The routes of these services, in the order of their calls. */
export function routesOf(services: readonly DescService[]): readonly Route[] {
  return compileRoutes(services.flatMap(({ methods }) => methods)).routes;
}

export interface DocumentSource {
  readonly image: FileRegistry;
  readonly services: readonly DescService[];
  readonly examples: Examples;
  readonly version: string;
}

/** The OpenAPI 3.1 document of every route, but for `servers`, which the server that serves it knows alone. */
export function openApiDocument({ image, services, examples, version }: DocumentSource): Schema {
  const routes = routesOf(services);
  const served = services.filter((service) => routes.some(({ method }) => method.parent === service));
  const rpcTypes = createDialectTable()
    .contentTypes.split(', ')
    .filter((type) => type !== 'application/json');
  const status = image.getMessage('google.rpc.Status');
  if (status === undefined) throw new Error('google.rpc.Status is missing');
  return {
    openapi: '3.1.1',
    info: { title: 'Latchkey', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ token: [] }],
    'x-errors': errorsOfEveryCall.map(({ id }) => id).filter((id) => id !== ''),
    tags: served.map((service) => ({ name: service.typeName, description: descriptionOf(service) })),
    paths: pathsOf(routes, { examples, rpcTypes }),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: failureResponses(status, rpcTypes),
      schemas: schemasOf(routes, [
        status,
        ...served.flatMap(({ methods }) => methods.flatMap((method) => rootsOf(method, routes))),
      ]),
    },
  };
}

/** The answer, and the request where it is sent as one piece. */
function rootsOf(method: DescMethod, routes: readonly Route[]): DescMessage[] {
  const own = routes.filter((route) => route.method === method);
  const isWhole =
    own.length === 0 || own.some(({ body, variables }) => body === '*' && variables.length === 0);
  return isWhole ? [method.input, method.output] : [method.output];
}

type Context = { readonly examples: Examples; readonly rpcTypes: readonly string[] };

function pathsOf(routes: readonly Route[], context: Context): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    const index = routes.filter(({ method }) => method === route.method).indexOf(route);
    const path = paths[route.template] ?? {};
    path[route.verb.toLowerCase()] = operationOf({ route, index, ...context });
    paths[route.template] = path;
  }
  return paths;
}

function schemasOf(routes: readonly Route[], roots: readonly DescMessage[]): Record<string, Schema> {
  const bodies = bodySchemas(routes);
  const inBodies = routes
    .filter(({ body }) => body !== undefined)
    .flatMap(({ method }) => method.input.fields);
  const inner = inBodies.map(({ message }) => message).filter((message) => message !== undefined);
  const enums = inBodies.map((field) => field.enum).filter((desc) => desc !== undefined);
  const entries = [...reachedFrom([...roots, ...inner]), ...enums].map((desc): [string, Schema] => [
    desc.typeName,
    desc.kind === 'enum' ? enumSchema(desc) : messageSchema(desc),
  ]);
  return Object.fromEntries([...entries, ...Object.entries(bodies)].sort(([a], [b]) => (a < b ? -1 : 1)));
}
