import { STATUS_CODES } from 'node:http';
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import type { Route } from '../../src/server/routes/http-rule.ts';
import { callCommentOf, descriptionOf } from './comment.ts';
import { type Examples, methodName, parameterExample } from './example.ts';
import { refTo, type Schema } from './field-schema.ts';
import { messageSchema } from './message-schema.ts';
import { parametersOf } from './parameters.ts';

/** What an operation of the document is made from. */
export interface OperationSource {
  readonly route: Route;
  readonly examples: Examples;
  /** Every unary content type of the server but JSON. */
  readonly rpcTypes: readonly string[];
  /** Which of the method's routes it is, from 0. */
  readonly index: number;
}

/** The name that a generated client gives the call. */
export function operationId({ parent, name }: DescMethod, index: number): string {
  return `${parent.name}_${name}${index === 0 ? '' : `_${index + 1}`}`;
}

/** One verb of one path. */
export function operationOf(source: OperationSource): Schema {
  const { route, index } = source;
  const { method } = route;
  const { description, permission, errorIds } = callCommentOf(method);
  return {
    operationId: operationId(method, index),
    tags: [method.parent.typeName],
    summary: method.name,
    description: permission === undefined ? description : `${description}\nPermission: ${permission}.`,
    ...(method.deprecated && { deprecated: true }),
    parameters: parametersOf(route).map((parameter) => withExample(source, parameter)),
    ...(route.body !== undefined && { requestBody: requestBody(source) }),
    responses: { [route.status]: success(source), ...failures },
    ...(errorIds.length > 0 && { 'x-errors': errorIds }),
    'x-rpc': `/${method.parent.typeName}/${method.name}`,
  };
}

function withExample({ route, examples, index }: OperationSource, parameter: Schema): Schema {
  const recorded = index === 0 ? examples[methodName(route.method)] : undefined;
  const example = parameterExample(recorded, route, String(parameter.name));
  return example === undefined ? parameter : { ...parameter, example: typed(example, parameter.schema) };
}

// What a query carries as text stands for a number or a truth value in the document.
function typed(text: string, schema: unknown): unknown {
  const { type } = schema as { readonly type?: unknown };
  if (type === 'integer') return Number(text);
  if (type === 'boolean') return text === 'true';
  return type === 'array' ? [text] : text;
}

function requestBody({ route, examples, rpcTypes, index }: OperationSource): Schema {
  if (route.body !== '*') throw new Error(`${route.template}: bodies of one field are not provided for`);
  const without = route.variables.map(({ name }) => name);
  const example = index === 0 ? examples[methodName(route.method)]?.body : undefined;
  const isRequired = 'required' in messageSchema(route.method.input, without);
  return {
    required: isRequired,
    content: {
      'application/json': { schema: refTo(bodyName(route)), ...recorded(example) },
      ...binary(rpcTypes),
    },
  };
}

function success({ route, examples, rpcTypes, index }: OperationSource): Schema {
  const { output } = route.method;
  const example = index === 0 ? examples[methodName(route.method)]?.answer : undefined;
  return {
    description: descriptionOf(output) || STATUS_CODES[route.status] || '',
    content: {
      'application/json': { schema: refTo(output.typeName), ...recorded(example) },
      ...(route.body !== undefined && binary(rpcTypes)),
    },
  };
}

const recorded = (value: unknown): Schema =>
  value === undefined ? {} : { examples: { recorded: { value } } };

const binary = (types: readonly string[]): Record<string, Schema> =>
  Object.fromEntries(types.map((type) => [type, {}]));

/** The component that holds the JSON body of a route: the request without what stands in the path. */
export function bodyName({ method, variables }: Route): string {
  if (variables.length === 0) return method.input.typeName;
  return `${method.input.typeName.replace(/Request$/, '')}Body`;
}

/** The components of the bodies that are not whole requests. */
export function bodySchemas(routes: readonly Route[]): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  for (const route of routes) {
    if (route.body !== '*' || route.variables.length === 0) continue;
    const without = route.variables.map(({ name }) => name);
    found[bodyName(route)] = messageSchema(route.method.input, without);
  }
  return found;
}

const failing = [400, 401, 403, 404, 409, 429];
/** A URL and headers beyond the limit: refused by HTTP itself, before anybody knows of a call. */
const bodiless = 431;
const refToResponse = (name: string): Schema => ({ $ref: `#/components/responses/${name}` });
const failures = {
  ...Object.fromEntries([...failing, bodiless].map((status) => [status, refToResponse(String(status))])),
  default: refToResponse('default'),
};

/** The answers of failed calls: `google.rpc.Status`, whatever the call. */
export function failureResponses(status: DescMessage, rpcTypes: readonly string[]): Record<string, Schema> {
  const content = { 'application/json': { schema: refTo(status.typeName) }, ...binary(rpcTypes) };
  const header = (schema: Schema): Schema => ({ schema });
  const headers: Readonly<Record<number, Schema>> = {
    401: { 'www-authenticate': header({ type: 'string' }) },
    429: { 'retry-after': header({ type: 'integer', minimum: 1 }) },
  };
  const entry = (code: number): [string, Schema] => [
    String(code),
    { description: STATUS_CODES[code] ?? '', ...(headers[code] && { headers: headers[code] }), content },
  ];
  return {
    ...Object.fromEntries(failing.map(entry)),
    [bodiless]: { description: STATUS_CODES[bodiless] ?? '' },
    default: { description: descriptionOf(status), content },
  };
}
