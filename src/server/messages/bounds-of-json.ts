import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { invalid } from './invalid.ts';
import {
  digitsMax,
  type FieldShape,
  harmlessBytesMax,
  nestingMax,
  shapeOf,
  tooManyItems,
  valuesMax,
} from './shape.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;

/**
 * Counts what stands in JSON text that is not small, before it is parsed; what is no JSON is for the parser to refuse.
 * Throws ConnectError InvalidArgument where it holds too many values.
 */
export function boundJsonText(text: Uint8Array): void {
  if (text.length <= harmlessBytesMax) return;
  let values = 1;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (isInString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if (byte === comma || byte === openBracket || byte === openBrace) values += 1;
    if (values > valuesMax) throw invalid(`JSON: must contain no more than ${valuesMax} values`);
  }
}

/**
 * Holds parsed JSON to what a message of this type can sensibly have, before it is made of it. Throws ConnectError
 * InvalidArgument for a list or a map that is too long, and for a number or a time of too many characters.
 */
export function boundJson(desc: DescMessage, json: JsonValue, bytes: number): void {
  if (bytes > harmlessBytesMax) boundMessage(desc, json, nestingMax);
}

function boundMessage(desc: DescMessage, json: JsonValue, depthLeft: number): void {
  // What nests deeper the reader refuses.
  if (depthLeft === 0) return;
  // What has a form of its own, such as google.protobuf.Struct, is bounded by the text alone.
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  const { byName } = shapeOf(desc);
  for (const name in json) {
    const field = byName.get(name);
    const value = json[name];
    if (field !== undefined && value !== undefined) boundField(field, value, depthLeft);
  }
}

function boundField(field: FieldShape, value: JsonValue, depthLeft: number): void {
  const { itemsMax, isMap } = field;
  if (itemsMax === undefined || typeof value !== 'object' || value === null) {
    boundElement(field, value, depthLeft);
    return;
  }
  if (Array.isArray(value) === isMap) return;
  const elements = Object.values(value) as JsonValue[];
  if (elements.length > itemsMax) throw tooManyItems(field.name, itemsMax);
  for (const element of elements) boundElement(field, element, depthLeft);
}

function boundElement(field: FieldShape, value: JsonValue, depthLeft: number): void {
  if (field.isBrief && typeof value === 'string' && value.length > digitsMax) {
    throw invalid(`JSON: ${field.name} does not hold a valid value`);
  }
  if (field.message !== undefined) boundMessage(field.message, value, depthLeft - 1);
}
