import type { DescMessage, DescMethod } from '@bufbuild/protobuf';

/** Health and reflection take no token, and ask for a name at most. */
const publicMessageBytesMax = 1_024;
/** What no list and no map makes longer: a few texts of 200 characters, each written in the longest way that JSON has. */
const plainMessageBytesMax: number = 48 * 1_024;
/** Lists of a thousand ids, nested queries, metadata. */
const largeMessageBytesMax: number = 256 * 1_024;

/** Health and reflection tell nothing about users; everything else wants a token. */
export function isPublic(serviceName: string): boolean {
  return publicServices.test(serviceName);
}

const publicServices = /^grpc\.(health|reflection)\./;

/** How many bytes one request message of the method may have: what its largest sensible one needs, and no more. */
export function messageBytesMaxOf({ parent, input }: DescMethod): number {
  if (isPublic(parent.typeName)) return publicMessageBytesMax;
  const isLarge = hasMany(input, new Set()) || input.fields.some(({ name }) => name === sealedSet);
  return isLarge ? largeMessageBytesMax : plainMessageBytesMax;
}

/** A filter with its lists, sealed: see queries/unlock-preview.ts. */
const sealedSet = 'run_token';

function hasMany(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some(
    ({ fieldKind, message }) =>
      fieldKind === 'list' || fieldKind === 'map' || (message !== undefined && hasMany(message, seen)),
  );
}
