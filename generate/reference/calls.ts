import type { DescEnum, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import type { Route } from '../../src/server/routes/http-rule.ts';
import { callCommentOf, descriptionOf } from './comment.ts';
import { type Examples, methodName, shownExample } from './example.ts';
import type { Schema } from './field-schema.ts';
import { messageSchema, reachedFrom } from './message-schema.ts';
import { bodyName, operationId } from './operation.ts';
import { protoText } from './proto-text.ts';

/** What the pages need beyond the document: calls without a route, the binary dialects, errors by call. */
export function callsDocument(
  services: readonly DescService[],
  routes: readonly Route[],
  examples: Examples,
): Schema {
  const messages = reachedFrom(services.flatMap(({ methods }) => methods.flatMap(ends)));
  return {
    services: services.map((service) => ({
      name: service.typeName,
      description: descriptionOf(service),
      calls: service.methods.map((method) => callOf(method, routes, examples)),
    })),
    types: Object.fromEntries(messages.map((desc) => [desc.typeName, typeOf(desc)])),
  };
}

const ends = ({ input, output }: DescMethod): DescMessage[] => [input, output];

function callOf(method: DescMethod, routes: readonly Route[], examples: Examples): Schema {
  const own = routes.filter((route) => route.method === method);
  const recorded = examples[methodName(method)];
  const { description, permission, errorIds } = callCommentOf(method);
  return {
    name: method.name,
    kind: method.methodKind,
    description,
    ...(permission !== undefined && { permission }),
    errorIds,
    ...(method.deprecated && { deprecated: true }),
    input: method.input.typeName,
    output: method.output.typeName,
    routes: own.map(({ verb, template, body, status }, index) => ({
      verb,
      template,
      operationId: operationId(method, index),
      status,
      body: body === undefined ? undefined : bodyName(own[index] ?? own[0] ?? fail(method)),
    })),
    ...(recorded !== undefined && { example: shownExample(method, recorded) }),
  };
}

function fail({ name }: DescMethod): never {
  throw new Error(`bug: ${name} has no such route`);
}

// The names of what it refers to, so that a page shows a type and what is in it.
function typeOf(desc: DescMessage | DescEnum): Schema {
  if (desc.kind === 'enum') return { proto: protoText(desc), uses: [] };
  const uses = desc.fields.flatMap((field) => {
    const type = field.message ?? field.enum;
    return type === undefined || type.typeName.startsWith('google.protobuf.') ? [] : [type.typeName];
  });
  return { proto: protoText(desc), uses: [...new Set(uses)], ...jsonOf(desc) };
}

// For the pages of calls that no route leads to, and that the document does not hold therefore.
const jsonOf = (desc: DescMessage): Schema =>
  desc.file.proto.package.startsWith('grpc.') ? { schema: messageSchema(desc) } : {};
