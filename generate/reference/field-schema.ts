import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from '@bufbuild/protobuf';
import { field as fieldRules } from '../../gen/es/buf/validate/validate_pb.js';
import { descriptionOf } from './comment.ts';

/** A schema of JSON Schema 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

/** The schema of one field as proto JSON has it, with its rules and its comment. */
export function fieldSchema(field: DescField): Schema {
  const description = descriptionOf(field);
  return { ...(description !== '' && { description }), ...shapeOf(field) };
}

/** Where the components of the document stand. */
export const refTo = (typeName: string): Schema => ({ $ref: `#/components/schemas/${typeName}` });

function shapeOf(field: DescField): Schema {
  const { repeated } = limitsOf(field);
  if (field.fieldKind === 'list') return { type: 'array', items: valueSchema(field), ...repeated };
  if (field.fieldKind === 'map') return { type: 'object', additionalProperties: valueSchema(field) };
  return { ...valueSchema(field), ...limitsOf(field).value };
}

function valueSchema({ message, enum: enumeration, scalar }: DescField): Schema {
  if (message !== undefined) return wellKnown[message.typeName] ?? refTo(message.typeName);
  if (enumeration !== undefined) return refTo(enumeration.typeName);
  return scalar === undefined ? {} : scalarSchema(scalar);
}

function scalarSchema(scalar: ScalarType): Schema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: 'number' };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      // More than 31 bits: a client in Java needs a long for it.
      return { type: 'integer', format: 'int64', minimum: 0, maximum: 4_294_967_295 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: 'string', format: 'uint64', pattern: '^[0-9]{1,20}$' };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: 'string', format: 'int64', pattern: '^-?[0-9]{1,19}$' };
    default:
      return { type: 'integer', format: 'int32', minimum: -2_147_483_648, maximum: 2_147_483_647 };
  }
}

// The mapping reads the alphabet of URLs as well, with or without the padding.
const bytes: Schema = { type: 'string', contentEncoding: 'base64', pattern: '^[A-Za-z0-9+/_-]*={0,2}$' };
const anything: Schema = {};

// As the JSON mapping of protobuf prescribes.
const wellKnown: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?[0-9]{1,12}([.][0-9]{1,9})?s$' },
  'google.protobuf.FieldMask': { type: 'string' },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': anything,
  'google.protobuf.ListValue': { type: 'array', items: anything },
  'google.protobuf.Empty': { type: 'object' },
  'google.protobuf.Any': {
    type: 'object',
    properties: { '@type': { type: 'string' } },
    required: ['@type'],
    additionalProperties: true,
  },
};

/** Whether the message has a JSON form of its own, and no component. */
export const isWellKnown = ({ typeName }: DescMessage): boolean => typeName.startsWith('google.protobuf.');

interface Limits {
  readonly isRequired: boolean;
  readonly value: Schema;
  readonly repeated: Schema;
}

const none: Limits = { isRequired: false, value: {}, repeated: {} };

/** The field rules (buf.validate) in the words of JSON Schema. Lengths count code points in both. */
export function limitsOf(field: DescField): Limits {
  if (!hasOption(field, fieldRules)) return none;
  const { required, type } = getOption(field, fieldRules);
  const isRequired = required === true;
  if (type.case === 'repeated') {
    const { maxItems } = type.value;
    return { ...none, isRequired, repeated: maxItems > 0n ? { maxItems: Number(maxItems) } : {} };
  }
  if (type.case === 'uint32') {
    const { lessThan } = type.value;
    return { ...none, isRequired, value: lessThan.case === 'lte' ? { maximum: lessThan.value } : {} };
  }
  if (type.case !== 'string') return { ...none, isRequired };
  const { len, minLen, maxLen } = type.value;
  const min = Number(len || minLen);
  const max = Number(len || maxLen);
  const value = { ...(min > 0 && { minLength: min }), ...(max > 0 && { maxLength: max }) };
  // A field without presence is held to its rules always, so the empty text counts as given.
  const isPlain = field.oneof === undefined && !field.proto.proto3Optional;
  return { ...none, value, isRequired: isRequired || (isPlain && min > 0) };
}
