import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** The message with every field set, the last of each oneof; messages within it down to `depth`. */
export function sample(schema: DescMessage, depth = 3): Message {
  const message = reflect(schema);
  fill(message, depth);
  return message.message;
}

function fill(message: ReflectMessage, depth: number): void {
  if (message.desc.typeName.startsWith('google.protobuf.')) {
    fillWellKnown(message);
    return;
  }
  for (const field of message.fields) {
    if (field.message !== undefined && depth === 0) continue;
    if (field.fieldKind === 'list') message.get(field).add(value(field, depth));
    else if (field.fieldKind === 'map') message.get(field).set('key', value(field, depth));
    else message.set(field, value(field, depth));
  }
}

/** These have a meaning that arbitrary numbers would break: a time within range, a JSON object. */
function fillWellKnown({ message, desc }: ReflectMessage): void {
  const values: Readonly<Record<string, Record<string, unknown>>> = {
    'google.protobuf.Timestamp': { seconds: 1_790_000_000n, nanos: 123_000_000 },
    'google.protobuf.Duration': { seconds: 3_600n, nanos: 500_000_000 },
    'google.protobuf.Any': { typeUrl: 'type.googleapis.com/x.Y', value: Uint8Array.of(8, 1) },
    'google.protobuf.Struct': { fields: { key: { kind: { case: 'stringValue', value: 'é' } } } },
  };
  Object.assign(message, create(desc, values[desc.typeName]));
}

function value(field: DescField, depth: number): unknown {
  if (field.message !== undefined) {
    const inner = reflect(field.message);
    fill(inner, depth - 1);
    return inner;
  }
  if (field.enum !== undefined) return field.enum.values.at(-1)?.number;
  switch (field.scalar) {
    case ScalarType.STRING:
      return `${field.name} 𝒳`;
    case ScalarType.BYTES:
      return Uint8Array.of(0, 255, field.number);
    case ScalarType.BOOL:
      return true;
    case ScalarType.UINT64:
      return 2n ** 64n - 1n;
    case ScalarType.UINT32:
      return 2 ** 32 - 1;
    default:
      return -field.number;
  }
}
