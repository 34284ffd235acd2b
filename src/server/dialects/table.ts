import type { Registry } from '@bufbuild/protobuf';
import { createJsonCodec, protoCodec } from '../messages/codec.ts';
import { createConnectDialect } from './connect.ts';
import { codecNameOf, createConnectGetDialect } from './connect-get.ts';
import type { Dialect } from './dialect.ts';
import { createGrpcDialect } from './grpc.ts';
import { createGrpcWebDialect } from './grpc-web.ts';

/** Finds the RPC dialect of a unary call by its content type; REST has none of its own. */
export interface DialectTable {
  of(contentType: string | undefined): Dialect | undefined;
  /** Connect's GET, by the `encoding` that the query of the target names. */
  ofQuery(target: string): Dialect | undefined;
  readonly byContentType: ReadonlyMap<string, Dialect>;
  /** For `accept-post`. */
  readonly contentTypes: string;
}

/** What a streaming method is called with; Connect's own names, and the same for gRPC. */
export const streamContentTypes =
  'application/connect+json, application/connect+proto, application/grpc, application/grpc+json, ' +
  'application/grpc+proto, application/grpc-web, application/grpc-web+json, application/grpc-web+proto, ' +
  'application/grpc-web-text, application/grpc-web-text+proto';

const streamContentType =
  /^application\/(connect\+(json|proto)|grpc(-web(-text)?)?(\+(json|proto))?)(; ?charset=utf-?8)?$/i;

/** Whether a streaming method takes it. */
export function isStreamContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && streamContentType.test(contentType);
}

/** The registry is for `google.protobuf.Any` in JSON alone. */
export function createDialectTable(jsonRegistry?: Registry): DialectTable {
  const jsonCodec = createJsonCodec(jsonRegistry);
  const grpc = createGrpcDialect(protoCodec);
  const web = createGrpcWebDialect(protoCodec, 'binary');
  const webText = createGrpcWebDialect(protoCodec, 'text');
  const dialects = new Map<string, Dialect>([
    ['application/json', createConnectDialect(jsonCodec)],
    ['application/proto', createConnectDialect(protoCodec)],
    ['application/grpc', grpc],
    ['application/grpc+proto', grpc],
    ['application/grpc+json', createGrpcDialect(jsonCodec)],
    ['application/grpc-web', web],
    ['application/grpc-web+proto', web],
    ['application/grpc-web+json', createGrpcWebDialect(jsonCodec, 'binary')],
    ['application/grpc-web-text', webText],
    ['application/grpc-web-text+proto', webText],
    ['application/grpc-web-text+json', createGrpcWebDialect(jsonCodec, 'text')],
  ]);
  const gets = new Map<string | undefined, Dialect>(
    [jsonCodec, protoCodec].map((codec) => [
      codec.name,
      createConnectGetDialect(createConnectDialect(codec)),
    ]),
  );
  return {
    byContentType: dialects,
    ofQuery: (target) => gets.get(codecNameOf(target)),
    contentTypes: [...dialects.keys()].join(', '),
    of(contentType) {
      if (contentType === undefined) return undefined;
      return dialects.get(contentType) ?? dialects.get(plainContentType(contentType));
    },
  };
}

/** The media type without parameters, in lower case; as it is where a parameter asks for something but UTF-8. */
function plainContentType(contentType: string): string {
  const [mediaType = '', ...params] = contentType.toLowerCase().split(';');
  const areKnown = params.every((param) => /^\s*(charset\s*=\s*"?utf-?8"?\s*)?$/.test(param));
  return areKnown ? mediaType.trim() : contentType;
}
