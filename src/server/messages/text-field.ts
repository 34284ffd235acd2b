import type { DescField, DescMessage, JsonValue } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';

const textMessages = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
  'google.protobuf.BoolValue',
  'google.protobuf.StringValue',
  'google.protobuf.BytesValue',
  'google.protobuf.Int32Value',
  'google.protobuf.UInt32Value',
  'google.protobuf.Int64Value',
  'google.protobuf.UInt64Value',
  'google.protobuf.FloatValue',
  'google.protobuf.DoubleValue',
]);

/**
 * Follows a dotted name (proto or JSON spelling) from a message down to a field; undefined where there is none.
 * Only single messages are walked through: an element of a list or a map has no name.
 */
export function findField(desc: DescMessage, dottedName: string): readonly DescField[] | undefined {
  const path: DescField[] = [];
  let parent: DescMessage | undefined = desc;
  for (const name of dottedName.split('.')) {
    const field: DescField | undefined = parent?.fields.find((f) => f.name === name || f.jsonName === name);
    if (field === undefined) return undefined;
    path.push(field);
    parent = field.fieldKind === 'message' ? field.message : undefined;
  }
  return path;
}

/** Whether one text can be the value of the field, or an element of it where it is repeated. */
export function takesText(field: DescField): boolean {
  if (field.fieldKind === 'map') return false;
  return field.message === undefined || textMessages.has(field.message.typeName);
}

/**
 * The text in the shape that the JSON mapping wants. A text that does not fit is passed on as it is, for the JSON
 * reader to refuse.
 */
export function textToJson(field: DescField, text: string): JsonValue {
  if (field.enum !== undefined) return /^-?\d{1,10}$/.test(text) ? Number(text) : text;
  // In a URL, masks are written in either spelling; the JSON mapping knows only camelCase.
  if (field.message?.typeName === 'google.protobuf.FieldMask') {
    return text.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  }
  const isBool = field.scalar === ScalarType.BOOL || field.message?.typeName === 'google.protobuf.BoolValue';
  if (isBool && text === 'true') return true;
  if (isBool && text === 'false') return false;
  return text;
}

/** What the field takes, in a word that a caller knows: `uint32`, `google.protobuf.Timestamp`, an enum's name. */
export function typeNameOf(field: DescField): string {
  if (field.enum !== undefined) return field.enum.typeName;
  if (field.message !== undefined) return field.message.typeName;
  return ScalarType[field.scalar].toLowerCase();
}

/** How texts of these are written, which their names do not tell. */
const forms: ReadonlyMap<string, string> = new Map([
  ['google.protobuf.Timestamp', '2031-01-31T12:00:00Z'],
  ['google.protobuf.Duration', '3600s'],
]);

/** What a value is not, with how one is written. */
export function notValid(typeName: string): string {
  const form = forms.get(typeName);
  return `not a valid ${typeName}${form === undefined ? '' : `, such as ${form}`}`;
}
