import {
  create,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Message,
  mergeFromJson,
  toJson,
} from '@bufbuild/protobuf';
import { boundJson } from '../messages/bounds-of-json.ts';
import { invalid } from '../messages/invalid.ts';
import { jsonReadOptions, parseJson, parseJsonMessage, unfitJson } from '../messages/json-decoder.ts';
import { encodeJson } from '../messages/json-encoder.ts';
import { digitsMax, isBrief } from '../messages/shape.ts';
import { findField, notValid, takesText, textToJson, typeNameOf } from '../messages/text-field.ts';
import { isTimeOrSpan, requireTimes } from '../messages/times-of-json.ts';
import { ignoresUnknown, refuseUnknownJson, unknownField } from '../messages/unknown-json.ts';
import type { Route } from './http-rule.ts';

/** What a REST request carries beside its verb. `query` is the raw text after `?`, or empty. */
export interface RestRequest {
  readonly fields: readonly string[];
  readonly query: string;
  readonly body: Uint8Array;
}

/** The request message: body or query parameters first, then the path, which wins. Throws ConnectError InvalidArgument. */
export function bindRequest(route: Route, request: RestRequest): Message {
  const message = bindBody(route, request.body);
  if (request.query !== '') bindQuery(message, route, request.query);
  bindPath(message, route, request.fields);
  return message;
}

/** Writes the path's fields over a message that came as an RPC body on a REST URL. Throws ConnectError InvalidArgument. */
export function bindPath(message: Message, route: Route, fields: readonly string[]): void {
  for (const [index, { name, path, plainName }] of route.variables.entries()) {
    const text = fields[index] ?? '';
    if (plainName !== undefined) Reflect.set(message, plainName, text);
    else setText(message, { desc: route.method.input, name, path, text });
  }
}

/** The response as JSON, or the one field of it that `response_body` names. */
export function encodeResponse(route: Route, message: Message): Uint8Array {
  const text =
    route.responseBody === undefined ? encodeJson(route.method.output, message) : pick(route, message);
  return Buffer.from(text);
}

function bindBody(route: Route, body: Uint8Array): Message {
  const { input } = route.method;
  if (route.body === '*') return isEmptyObject(body) ? create(input) : parseJsonMessage(input, body);
  const message = create(input);
  if (route.body === undefined) return message;
  const isEmpty = body.byteLength === 0;
  if (isEmpty && route.body.fieldKind !== 'message') return message;
  const json = isEmpty ? {} : parseJson(body);
  const whole = { [route.body.jsonName]: json };
  boundJson(input, whole, body.length);
  refuseUnknownJson(input, whole);
  requireTimes(input, whole);
  try {
    return mergeFromJson(input, message, whole, jsonReadOptions);
  } catch (error) {
    throw unfitJson(input, error);
  }
}

/** An absent body means the same as `{}`; both are common enough to skip the JSON reader. */
function isEmptyObject(body: Uint8Array): boolean {
  const length = body.byteLength;
  return length === 0 || (length === 2 && body[0] === 0x7b && body[1] === 0x7d);
}

function bindQuery(message: Message, route: Route, query: string): void {
  const desc = route.method.input;
  const isLenient = ignoresUnknown(desc);
  if (route.body === '*' && isLenient) return;
  const taken = new Set<string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeParameter(equals === -1 ? pair : pair.slice(0, equals));
    const path = findField(desc, name);
    // Unknown names are as unknown JSON fields; what the body fills, the query does not.
    if (path === undefined || route.body === '*' || path[0] === route.body) {
      if (isLenient || name === '') continue;
      throw path === undefined
        ? unknownField(desc, [name], 'query')
        : invalid(`parameter ${name}: belongs into the body`);
    }
    const text = decodeParameter(equals === -1 ? '' : pair.slice(equals + 1), name);
    claim(taken, name, path);
    setText(message, { desc, name, path, text });
  }
}

/** Two values for one field, or for two members of one oneof, have no winner. */
function claim(taken: Set<string>, name: string, path: readonly DescField[]): void {
  let at = '';
  for (const field of path) {
    if (field.oneof !== undefined) {
      const other = taken.has(`${at}${field.oneof.name}`) && !taken.has(`${at}${field.name}`);
      if (other) throw invalid(`parameter ${name}: another member of ${field.oneof.name} is given`);
      taken.add(`${at}${field.oneof.name}`);
    }
    const key = `${at}${field.name}`;
    const isLeaf = field === path.at(-1);
    if (isLeaf && field.fieldKind !== 'list' && taken.has(key))
      throw invalid(`parameter ${name}: given twice`);
    taken.add(key);
    at = `${key}.`;
  }
}

function decodeParameter(text: string, name = ''): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw invalid(
      name === '' ? 'query: not percent-encoded UTF-8' : `parameter ${name}: not percent-encoded UTF-8`,
    );
  }
}

interface TextValue {
  readonly desc: DescMessage;
  readonly name: string;
  readonly path: readonly DescField[];
  readonly text: string;
}

function setText(message: Message, { desc, name, path, text }: TextValue): void {
  const field = path.at(-1);
  if (field === undefined || !takesText(field))
    throw invalid(`parameter ${name}: takes no text; name a field inside it`);
  if ((isBrief(field) && text.length > digitsMax) || !isTimeOrSpan(field.message?.typeName ?? '', text))
    throw invalid(`parameter ${name}: ${notValid(typeNameOf(field))}`);
  const value = textToJson(field, text);
  let json: JsonValue = field.fieldKind === 'list' ? [value] : value;
  for (const step of path.toReversed()) json = { [step.jsonName]: json };
  try {
    mergeFromJson(desc, message, json);
  } catch (cause) {
    throw invalid(`parameter ${name}: ${notValid(typeNameOf(field))}`, cause);
  }
}

function pick(route: Route, message: Message): string {
  const { output } = route.method;
  const name = route.responseBody?.jsonName ?? '';
  const value = memberOf(toJson(output, message), name);
  const zero = memberOf(toJson(output, message, { alwaysEmitImplicit: true }), name);
  return JSON.stringify(value ?? zero ?? (route.responseBody?.fieldKind === 'message' ? {} : null));
}

function memberOf(json: JsonValue, name: string): JsonValue | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json[name] : undefined;
}
