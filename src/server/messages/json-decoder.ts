import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
} from '@bufbuild/protobuf';
import { isFieldError } from '@bufbuild/protobuf/reflect';
import type { ConnectError } from '@connectrpc/connect';
import { boundJson, boundJsonText } from './bounds-of-json.ts';
import { invalid } from './invalid.ts';
import { nestingMax } from './shape.ts';
import { notValid, typeNameOf } from './text-field.ts';
import { requireTimes } from './times-of-json.ts';
import { refuseUnknownJson } from './unknown-json.ts';

/** How JSON is read everywhere; where unknown fields are not ignored, they are refused before. */
export const jsonReadOptions = { ignoreUnknownFields: true, recursionLimit: nestingMax };

/**
 * Reads a message from JSON text as every dialect does. Throws ConnectError InvalidArgument, whose message never quotes
 * a value of the body: it may be a password.
 */
export function parseJsonMessage<Desc extends DescMessage>(
  desc: Desc,
  body: Uint8Array,
  registry?: Registry,
): MessageShape<Desc> {
  const json = parseJson(body);
  boundJson(desc, json, body.length);
  refuseUnknownJson(desc, json);
  requireTimes(desc, json);
  try {
    return fromJson(desc, json, registry === undefined ? jsonReadOptions : { ...jsonReadOptions, registry });
  } catch (error) {
    throw unfitJson(desc, error);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The JSON value of a body. Throws ConnectError InvalidArgument, which quotes nothing of it. */
export function parseJson(body: Uint8Array): JsonValue {
  boundJsonText(body);
  let text: string;
  try {
    text = decoder.decode(body);
  } catch (cause) {
    throw invalid('malformed JSON: not UTF-8', cause);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8 quotes the text around the error, and that may be a password: only the place is told.
    const place = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw invalid(place === undefined ? 'malformed JSON' : `malformed JSON ${place}`);
  }
}

/** Says which field does not fit, and never what stood there. */
export function unfitJson(desc: DescMessage, error: unknown): ConnectError {
  const cause = error instanceof Error ? error.cause : undefined;
  if (isFieldError(cause)) {
    const field = cause.field();
    if (field.kind === 'oneof') return invalid(`JSON: more than one member of ${field.name} is given`);
    return invalid(`JSON: ${field.name} does not hold a valid ${field.fieldKind} (${typeNameOf(field)})`);
  }
  const reason = error instanceof Error ? error.message : '';
  if (reason.includes('recursion depth')) return invalid(`JSON: nested deeper than ${nestingMax}`);
  // A message within has no field error of its own: its type is all that the library tells apart from the value.
  const inner = /^cannot decode message ([\w.]+) from JSON\b/.exec(reason)?.[1];
  return invalid(`JSON: ${notValid(inner ?? desc.typeName)}`);
}
