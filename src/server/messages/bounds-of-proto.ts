import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { invalid } from './invalid.ts';
import {
  type Budget,
  type FieldShape,
  fullBudget,
  harmlessBytesMax,
  nestingMax,
  shapeOf,
  tooManyItems,
  unknownsMax,
  valuesMax,
} from './shape.ts';

/**
 * Walks over the tags of a message that is not small, before anything is made of it. Throws ConnectError InvalidArgument
 * at the first list, or number of fields, that is too long, and whatever BinaryReader throws.
 */
export function boundProto(desc: DescMessage, bytes: Uint8Array): void {
  if (bytes.length <= harmlessBytesMax) return;
  walk(new Walk(bytes), desc, bytes.length, nestingMax);
}

class Walk extends BinaryReader {
  readonly budget: Budget = fullBudget();
}

function walk(reader: Walk, desc: DescMessage, end: number, depthLeft: number): void {
  if (depthLeft === 0) throw invalid(`protobuf: nested deeper than ${nestingMax}`);
  const { byNumber } = shapeOf(desc);
  let counts: Map<FieldShape, number> | undefined;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = byNumber.get(number);
    if (field === undefined) {
      skipUnknown(reader, number, { wireType, depthLeft });
      continue;
    }
    takeValue(reader);
    if (field.itemsMax !== undefined) {
      counts ??= new Map();
      const count = (counts.get(field) ?? 0) + 1;
      if (count > field.itemsMax) throw tooManyItems(field.name, field.itemsMax);
      counts.set(field, count);
    }
    if (field.message === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number, depthLeft);
      continue;
    }
    const length = reader.uint32();
    const walkInside = field.isMap ? walkEntry : walk;
    walkInside(reader, field.message, reader.pos + length, depthLeft - 1);
  }
}

const entryValue = 2;

/** One pair of a map whose values are messages. */
function walkEntry(reader: Walk, value: DescMessage, end: number, depthLeft: number): void {
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    takeValue(reader);
    if (number === entryValue && wireType === WireType.LengthDelimited) {
      const length = reader.uint32();
      walk(reader, value, reader.pos + length, depthLeft);
    } else reader.skip(wireType, number, depthLeft);
  }
}

function takeValue(reader: Walk): void {
  reader.budget.values -= 1;
  if (reader.budget.values < 0) throw invalid(`protobuf: must contain no more than ${valuesMax} values`);
}

interface Unknown {
  readonly wireType: WireType;
  readonly depthLeft: number;
}

// A group's fields are counted with it: each costs a call of the reader.
function skipUnknown(reader: Walk, number: number, { wireType, depthLeft }: Unknown): void {
  reader.budget.unknowns -= 1;
  if (reader.budget.unknowns < 0) {
    throw invalid(`protobuf: must contain no more than ${unknownsMax} unknown fields`);
  }
  if (wireType !== WireType.StartGroup) {
    reader.skip(wireType, number);
    return;
  }
  if (depthLeft === 0) throw invalid(`protobuf: nested deeper than ${nestingMax}`);
  for (;;) {
    const [inner, innerType] = reader.tag();
    if (innerType === WireType.EndGroup) return;
    skipUnknown(reader, inner, { wireType: innerType, depthLeft: depthLeft - 1 });
  }
}
