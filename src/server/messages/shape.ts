import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { field as fieldRules } from '../../../gen/es/buf/validate/validate_pb.js';
import { invalid } from './invalid.ts';

/** Up to here a message can cost nothing that is worth a look before it is read. */
export const harmlessBytesMax = 1_024;
/** Elements of a list or a map that has no rule of its own. */
const itemsMaxDefault = 1_000;
/** Fields and elements of a message and all that it holds. */
export const valuesMax = 16_384;
/** Fields that the message's type does not know, nested ones too. */
export const unknownsMax = 1_000;
/** Nested deeper than this, a message is refused: its readers are recursive. */
export const nestingMax = 100;
/** What a number, a time or a span may be written with in JSON; any that is one takes fewer. */
export const digitsMax = 64;

/** What a reader must know of a field to refuse it before it is read. */
export interface FieldShape {
  readonly name: string;
  /** Undefined for what is there once. */
  readonly itemsMax: number | undefined;
  readonly isMap: boolean;
  /** In JSON it is text, but never a long one: a number, a time, a span. */
  readonly isBrief: boolean;
  /** The message inside, or inside of each element. */
  readonly message: DescMessage | undefined;
  /** The names of the enum that it holds, or each of its elements. */
  readonly enumNames: ReadonlySet<string> | undefined;
}

/** A message type as its readers bound it. */
export interface Shape {
  readonly byNumber: ReadonlyMap<number, FieldShape>;
  /** By the name in the proto and by the one in JSON. */
  readonly byName: ReadonlyMap<string, FieldShape>;
}

const shapes = new WeakMap<DescMessage, Shape>();

/** Made of the descriptor and its field rules, once. */
export function shapeOf(desc: DescMessage): Shape {
  const known = shapes.get(desc);
  if (known !== undefined) return known;
  const fields = desc.fields.map((field) => [field, fieldShapeOf(field)] as const);
  const shape = {
    byNumber: new Map(fields.map(([{ number }, of]) => [number, of])),
    byName: new Map(
      fields.flatMap(([{ name, jsonName }, of]) => [[name, of] as const, [jsonName, of] as const]),
    ),
  };
  shapes.set(desc, shape);
  return shape;
}

/** How many fields and elements, known and not, one message may still have. */
export interface Budget {
  values: number;
  unknowns: number;
}

/** A budget that is whole. */
export function fullBudget(): Budget {
  return { values: valuesMax, unknowns: unknownsMax };
}

/** The refusal of a list or a map, named as the field rules name it. */
export function tooManyItems(name: string, itemsMax: number): ConnectError {
  return invalid(`${name}: must contain no more than ${itemsMax} item(s)`);
}

function fieldShapeOf(field: DescField): FieldShape {
  const isMany = field.fieldKind === 'list' || field.fieldKind === 'map';
  return {
    name: field.name,
    itemsMax: isMany ? (ruledItemsMax(field) ?? itemsMaxDefault) : undefined,
    isMap: field.fieldKind === 'map',
    isBrief: isBrief(field),
    message: field.message,
    enumNames: field.enum && new Set(field.enum.values.map(({ name }) => name)),
  };
}

function ruledItemsMax(field: DescField): number | undefined {
  if (!hasOption(field, fieldRules)) return undefined;
  const { type } = getOption(field, fieldRules);
  return type.case === 'repeated' && type.value.maxItems > 0n ? Number(type.value.maxItems) : undefined;
}

const longTexts: ReadonlySet<ScalarType> = new Set([ScalarType.STRING, ScalarType.BYTES]);
const briefMessages: ReadonlySet<string> = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.Int32Value',
  'google.protobuf.UInt32Value',
  'google.protobuf.Int64Value',
  'google.protobuf.UInt64Value',
  'google.protobuf.FloatValue',
  'google.protobuf.DoubleValue',
]);

/** Whether what stands for the field in JSON, or for each of its elements, is brief. */
export function isBrief(field: DescField): boolean {
  if (field.message !== undefined) return briefMessages.has(field.message.typeName);
  return field.scalar !== undefined && !longTexts.has(field.scalar);
}
