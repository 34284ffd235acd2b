import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import {
  type ServerReflectionRequest,
  ServerReflection as V1,
} from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import {
  ServerReflection as V1Alpha,
  type ServerReflectionRequest as V1AlphaRequest,
} from '../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { createFileIndex, type FileIndex } from './file-index.ts';
import { createStreamLimit, sharerByAddress } from './limits/stream-limit.ts';

/** What a client may ask about. */
export interface ReflectionOptions {
  /** Every other service that the server serves; reflection itself is added. */
  readonly services: readonly DescService[];
  /** Files that no service imports but that answers hold, such as those of error details. */
  readonly files: readonly DescFile[];
  /** Streams open at once; the next one is refused with RESOURCE_EXHAUSTED. */
  readonly streamsMax: number;
}

/** The two names of server reflection: `grpc.reflection.v1` and its elder, the same message for message. */
export interface Reflection {
  readonly v1: ServiceImpl<typeof V1>;
  readonly v1alpha: ServiceImpl<typeof V1Alpha>;
}

/** Answers from the descriptors in the generated code, so that a client needs no protos at hand. */
export function createReflection({ services, files, streamsMax }: ReflectionOptions): Reflection {
  const served = [...services, V1, V1Alpha];
  let made: FileIndex | undefined;
  // By the first who asks: a start is measured, and most servers are never asked.
  const index = (): FileIndex => {
    made ??= createFileIndex([...served.map((service) => service.file), ...files]);
    return made;
  };
  const names = served.map(({ typeName }) => ({ name: typeName })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const limit = createStreamLimit(streamsMax);
  return {
    v1: {
      serverReflectionInfo: (requests, { values }) =>
        limit(() => answerAll(requests, index(), names), sharerByAddress(values)),
    },
    v1alpha: {
      serverReflectionInfo: (requests, { values }) =>
        limit(() => answerAll(requests, index(), names), sharerByAddress(values)),
    },
  };
}

type Request = ServerReflectionRequest | V1AlphaRequest;
/** In a shape that both versions take. */
type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };
type ServiceNames = readonly { readonly name: string }[];

async function* answerAll<R extends Request>(
  requests: AsyncIterable<R>,
  index: FileIndex,
  names: ServiceNames,
) {
  const sent = new Set<DescFile>();
  for await (const request of requests) {
    const messageResponse = answer(request.messageRequest, { index, names, sent });
    yield { validHost: request.host, originalRequest: request, messageResponse };
  }
}

interface Stream {
  readonly index: FileIndex;
  readonly names: ServiceNames;
  /** What the client of this stream has already. */
  readonly sent: Set<DescFile>;
}

function answer(asked: Request['messageRequest'], { index, names, sent }: Stream): Answer {
  switch (asked.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: [...names] } };
    case 'fileByFilename':
      return fileAnswer(index.byName(asked.value), sent);
    case 'fileContainingSymbol':
      return fileAnswer(index.bySymbol(asked.value), sent);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      return fileAnswer(index.byExtension(containingType, extensionNumber), sent);
    }
    case 'allExtensionNumbersOfType': {
      const numbers = index.extensionNumbers(asked.value);
      if (numbers === undefined) return notFound;
      const value = { baseTypeName: asked.value, extensionNumber: [...numbers] };
      return { case: 'allExtensionNumbersResponse', value };
    }
    case undefined:
      throw new ConnectError('the request asks for nothing', Code.InvalidArgument);
    default:
      return asked satisfies never;
  }
}

const notFound: Answer = {
  case: 'errorResponse',
  value: { errorCode: Code.NotFound, errorMessage: 'not found' },
};

/** The file first, always; then whatever it imports, near or far, that this stream has not had. */
function fileAnswer(file: DescFile | undefined, sent: Set<DescFile>): Answer {
  if (file === undefined) return notFound;
  const queue = [file];
  sent.add(file);
  for (const next of queue) {
    for (const dependency of next.dependencies) {
      if (sent.has(dependency)) continue;
      sent.add(dependency);
      queue.push(dependency);
    }
  }
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: queue.map(bytesOf) } };
}

const encoded = new WeakMap<DescFile, Uint8Array>();

function bytesOf(file: DescFile): Uint8Array {
  const bytes = encoded.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
  encoded.set(file, bytes);
  return bytes;
}
