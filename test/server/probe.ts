import {
  createFileRegistry,
  createRegistry,
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
} from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { file_google_api_annotations } from '../../gen/es/google/api/annotations_pb.js';
import { file_latchkey_v1_rest } from '../../gen/es/latchkey/v1/rest_pb.js';

const imports = [
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

const wellKnown = [
  ['when', 'Timestamp'],
  ['wait', 'Duration'],
  ['mask', 'FieldMask'],
  ['flag', 'BoolValue'],
  ['maybe', 'StringValue'],
  ['thing', 'Struct'],
].map(([name, type], index) => field(name ?? '', 40 + index, { type: `.google.protobuf.${type}` }));

interface FieldShape {
  readonly type: string;
  readonly repeated?: boolean;
  readonly oneof?: number;
  readonly optional?: boolean;
}

function field(name: string, number: number, shape: FieldShape): JsonObject {
  const { type, repeated = false, oneof, optional = false } = shape;
  const named = type.startsWith('.') ? { typeName: type } : { type: `TYPE_${type.toUpperCase()}` };
  const isEnum = type.endsWith('Color');
  return {
    name,
    jsonName: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    number,
    label: repeated ? 'LABEL_REPEATED' : 'LABEL_OPTIONAL',
    ...named,
    ...(type.startsWith('.') ? { type: isEnum ? 'TYPE_ENUM' : 'TYPE_MESSAGE' } : {}),
    ...(oneof === undefined ? {} : { oneofIndex: oneof }),
    ...(optional ? { proto3Optional: true } : {}),
  };
}

const scalars = ['string', 'int32', 'uint32', 'sint64', 'uint64', 'bool', 'double', 'float', 'bytes'];

const probe: JsonObject = {
  name: 'Probe',
  field: [
    field('user_id', 1, { type: 'string' }),
    ...scalars.map((type, index) => field(`one_${type}`, 10 + index, { type })),
    ...scalars.map((type, index) => field(`many_${type}`, 20 + index, { type, repeated: true })),
    field('color', 30, { type: '.probe.v1.Color' }),
    field('colors', 31, { type: '.probe.v1.Color', repeated: true }),
    field('child', 32, { type: '.probe.v1.Probe' }),
    field('children', 33, { type: '.probe.v1.Probe', repeated: true }),
    field('left', 34, { type: 'string', oneof: 0 }),
    field('right', 35, { type: 'int32', oneof: 0 }),
    field('middle', 36, { type: '.probe.v1.Probe', oneof: 0 }),
    field('note', 37, { type: 'string', oneof: 1, optional: true }),
    field('labels', 38, { type: '.probe.v1.Probe.LabelsEntry', repeated: true }),
    field('stamps', 39, { type: '.google.protobuf.Timestamp', repeated: true }),
    ...wellKnown,
  ],
  oneofDecl: [{ name: 'side' }, { name: '_note' }],
  nestedType: [
    {
      name: 'LabelsEntry',
      field: [field('key', 1, { type: 'string' }), field('value', 2, { type: 'int64' })],
      options: { mapEntry: true },
    },
  ],
};

/** The well-known types but Struct and wrappers, which the compact JSON writer leaves to the library. */
const plain: JsonObject = {
  ...probe,
  name: 'Plain',
  field: (Array.isArray(probe.field) ? probe.field : [])
    .filter((one) => !wellKnown.slice(1).includes(one as JsonObject))
    .map((one) => JSON.parse(JSON.stringify(one).replaceAll('.Probe', '.Plain'))),
};

/** A method for each rule, `Call0`, `Call1`, …, whose request and response are both a Probe; `status` is the rest_status. */
export function probeMethods(...rules: readonly JsonObject[]): readonly DescMethod[] {
  return probeFile(rules).getService('probe.v1.ProbeService')?.methods ?? [];
}

/** A message with a field of every kind: `Probe`, or `Plain` without the rarer well-known types. */
export function probeMessage(name: 'Probe' | 'Plain'): DescMessage {
  const desc = probeFile([]).getMessage(`probe.v1.${name}`);
  if (desc === undefined) throw new Error(`no message ${name}`);
  return desc;
}

function probeFile(rules: readonly JsonObject[]) {
  const file = fromJson(
    FileDescriptorProtoSchema,
    {
      name: 'probe/v1/probe.proto',
      package: 'probe.v1',
      syntax: 'proto3',
      dependency: imports.map(({ name }) => `${name}.proto`),
      messageType: [probe, plain],
      enumType: [
        {
          name: 'Color',
          value: [
            { name: 'COLOR_UNSPECIFIED', number: 0 },
            { name: 'COLOR_RED', number: 1 },
            { name: 'COLOR_BLUE', number: 2 },
          ],
        },
      ],
      service: [
        {
          name: 'ProbeService',
          method: rules.map(({ status, ...rule }, index) => ({
            name: `Call${index}`,
            inputType: '.probe.v1.Probe',
            outputType: '.probe.v1.Probe',
            options: {
              '[google.api.http]': rule,
              ...(status !== undefined && { '[latchkey.v1.rest_status]': status }),
            },
          })),
        },
      ],
    },
    { registry: createRegistry(file_google_api_annotations, file_latchkey_v1_rest) },
  );
  const byName = new Map(imports.map((one) => [`${one.name}.proto`, one]));
  return createFileRegistry(file, (name) => byName.get(name));
}

/** Values of each kind, some of them on the edges of what is tested. */
interface Scalars {
  readonly int: (min: number, max: number) => fc.Arbitrary<unknown>;
  readonly text: fc.Arbitrary<unknown>;
  readonly signed: fc.Arbitrary<unknown>;
  readonly unsigned: fc.Arbitrary<unknown>;
  readonly float: fc.Arbitrary<unknown>;
  readonly bytes: fc.Arbitrary<unknown>;
}

/** Probe's fields of every scalar type, alone and as a list, in JSON. */
export function scalarMembers({
  int,
  text,
  signed,
  unsigned,
  float,
  bytes,
}: Scalars): Readonly<Record<string, fc.Arbitrary<unknown>>> {
  const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    String: text,
    Int32: int(-(2 ** 31), 2 ** 31 - 1),
    Uint32: int(0, 2 ** 32 - 1),
    Sint64: signed,
    Uint64: unsigned,
    Bool: fc.boolean(),
    Double: float,
    Float: float,
    Bytes: bytes,
  };
  return Object.fromEntries(
    Object.entries(scalars).flatMap(([name, value]) => [
      [`one${name}`, value],
      [`many${name}`, fc.array(value, { maxLength: 3 })],
    ]),
  );
}
