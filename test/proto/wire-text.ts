import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  getOption,
  isFieldSet,
  ScalarType,
} from '@bufbuild/protobuf';
import * as rules from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

/** The messages and enums of one package in the form of the tables beside this file, sorted. */
export function wireText(files: readonly DescFile[]): string[] {
  const messages = files.flatMap((file) => file.messages.flatMap(withNested));
  const enums = [...files.flatMap((file) => file.enums), ...messages.flatMap((m) => m.nestedEnums)];
  return [...messages.map(messageText), ...enums.map(enumText)].sort();
}

/** A table as `wireText` would give it. */
export function tableText(table: string): string[] {
  return table
    .trim()
    .split(/\n(?! )/)
    .map((entry) => entry.replace(/\s+/g, ' '))
    .sort();
}

/** Every message of a file, those inside other messages included; not the entries of maps. */
export function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function messageText(message: DescMessage): string {
  const reserved = message.proto.reservedRange.map((range) => `reserved ${range.start}`);
  const fields = message.fields.map(fieldText);
  return `${localName(message)}: ${[...fields, ...reserved].join(', ')}`.trim();
}

function fieldText(field: DescField): string {
  const { string, required } = stringAndRequired(field);
  const words = [field.name, field.number];
  if (field.fieldKind === 'list') words.push('repeated');
  if (field.proto.proto3Optional) words.push('optional');
  words.push(typeText(field) + string);
  if (required) words.push('required');
  if (field.oneof !== undefined) words.push(`{${field.oneof.name}}`);
  return words.join(' ');
}

/** The type of a field, or of its elements; names of the field's own package without the package. */
export function typeText(field: DescField): string {
  if (field.fieldKind === 'map') {
    const value = field.mapKind === 'scalar' ? ScalarType[field.scalar].toLowerCase() : typeName(field);
    return `map<${ScalarType[field.mapKey].toLowerCase()},${value}>`;
  }
  if (field.scalar !== undefined) return ScalarType[field.scalar].toLowerCase();
  return typeName(field);
}

function typeName(field: DescField): string {
  const type = field.message ?? field.enum;
  if (type === undefined) throw new Error(`${field.toString()} has no type`);
  return type.typeName.replace(`${field.parent.file.proto.package}.`, '').replace('google.protobuf.', '');
}

function stringAndRequired(field: DescField): { string: string; required: boolean } {
  const { type, required } = getOption(field, rules.field);
  if (type.case === 'string') return { string: lengthText(type.value), required };
  if (type.case === 'bytes') return { string: `[${type.value.minLen}..${type.value.maxLen}]`, required };
  return { string: '', required };
}

function lengthText(string: rules.StringRules): string {
  if (isFieldSet(string, rules.StringRulesSchema.field.len)) return `[${string.len}..${string.len}]`;
  const hasEnd = isFieldSet(string, rules.StringRulesSchema.field.maxLen);
  return `[${string.minLen}..${hasEnd ? string.maxLen : ''}]`;
}

function enumText(type: DescEnum): string {
  const values = type.values.map((value) => `${value.name} ${value.number}`);
  return `enum ${localName(type)}: ${values.join(', ')}`;
}

function localName(type: DescMessage | DescEnum): string {
  return type.typeName.slice(type.file.proto.package.length + 1);
}
