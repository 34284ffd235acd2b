import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { invalid } from './invalid.ts';
import { nestingMax, shapeOf } from './shape.ts';
import { notValid } from './text-field.ts';

const timeName = 'google.protobuf.Timestamp';
const spanName = 'google.protobuf.Duration';
const dayAndHour = /^(\d{4}-\d\d-\d\d)T(\d\d):/;
const span = /^-?\d+(\.\d{1,9})?s$/;

/**
 * Whether a text that the library takes for a google.protobuf.Timestamp or Duration is one (RFC 3339; ProtoJSON). To the
 * library the 30th of February is the 2nd of March, hour 24 is the next day, and of "5s or so" it reads the beginning.
 * What has no such form at all is for the library to refuse.
 */
export function isTimeOrSpan(typeName: string, text: string): boolean {
  if (typeName === spanName) return span.test(text);
  const [, day = '', hour] = (typeName === timeName && dayAndHour.exec(text)) || [];
  if (hour === undefined) return true;
  const midnight = new Date(`${day}T00:00Z`);
  return hour !== '24' && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** Holds all times and spans of a message, before it is made, to that. Throws ConnectError InvalidArgument. */
export function requireTimes(desc: DescMessage, json: JsonValue): void {
  if (holdsTimes(desc)) walk(desc, json, nestingMax);
}

function walk(desc: DescMessage, json: JsonValue, depthLeft: number): void {
  if (typeof json === 'string' && !isTimeOrSpan(desc.typeName, json)) {
    throw invalid(`JSON: ${notValid(desc.typeName)}`);
  }
  if (depthLeft === 0 || typeof json !== 'object' || json === null || Array.isArray(json)) return;
  const { byName } = shapeOf(desc);
  for (const [name, value] of Object.entries(json) as [string, JsonValue][]) {
    const field = byName.get(name);
    if (field?.message === undefined || !holdsTimes(field.message)) continue;
    const isMany = field.isMap || Array.isArray(value);
    const elements = isMany && typeof value === 'object' && value !== null ? Object.values(value) : [value];
    for (const element of elements as JsonValue[]) walk(field.message, element, depthLeft - 1);
  }
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether there is a time or a span in it, however deep: most messages have none, and cost nothing. */
function holdsTimes(desc: DescMessage): boolean {
  let holds = known.get(desc);
  if (holds === undefined) {
    holds = reaches(desc, new Set());
    known.set(desc, holds);
  }
  return holds;
}

function reaches(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (desc.typeName === timeName || desc.typeName === spanName) return true;
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some(({ message }) => message !== undefined && reaches(message, seen));
}
