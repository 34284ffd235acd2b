import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { file_google_rpc_error_details } from '../../gen/es/google/rpc/error_details_pb.js';
import { Health } from '../../gen/es/grpc/health/v1/health_pb.js';
import { ServerReflection as V1 } from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as V1Alpha } from '../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { createHealth } from '../../src/rpc/health.ts';
import { createReflection } from '../../src/rpc/reflection.ts';
import { mounted, type OpenServices, openServices } from '../server/doors/open-services.ts';

let open: OpenServices;

beforeAll(async () => {
  const health = createHealth({ services: [], isReady: async () => true, watchesMax: 1, pollMs: 1000 });
  const reflection = createReflection({
    services: [UserService, Health],
    files: [file_google_rpc_error_details],
    streamsMax: 10,
  });
  open = await openServices([
    mounted(Health, health.service),
    mounted(V1, reflection.v1),
    mounted(V1Alpha, reflection.v1alpha),
  ]);
});

afterAll(async () => {
  await open[Symbol.asyncDispose]();
});

type Asked = Parameters<typeof ask>[1][number];

/** One stream: every question's answer, files by their names. */
async function ask(
  version: typeof V1 | typeof V1Alpha,
  questions: readonly (
    | {
        case: 'listServices' | 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType';
        value: string;
      }
    | { case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } }
    | { case: undefined }
  )[],
): Promise<unknown[]> {
  const requests = async function* () {
    for (const messageRequest of questions) yield { host: 'here', messageRequest };
  };
  const answers: unknown[] = [];
  // Both versions are the same but for their names.
  for await (const answer of createClient(version as typeof V1, open.transport).serverReflectionInfo(
    requests(),
  )) {
    expect(answer.validHost).toBe('here');
    expect(answer.originalRequest?.messageRequest.case).toBe(questions[answers.length]?.case);
    answers.push(readable(answer.messageResponse));
  }
  return answers;
}

function readable(answer: { case?: string | undefined; value?: unknown }): unknown {
  const value = answer.value as Record<string, unknown>;
  switch (answer.case) {
    case 'fileDescriptorResponse':
      return (value.fileDescriptorProto as Uint8Array[]).map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      );
    case 'listServicesResponse':
      return (value.service as { name: string }[]).map(({ name }) => name);
    case 'allExtensionNumbersResponse':
      return [value.baseTypeName, value.extensionNumber];
    default:
      return [answer.case, value.errorCode, value.errorMessage];
  }
}

const symbol = (value: string): Asked => ({ case: 'fileContainingSymbol', value });
const file = (value: string): Asked => ({ case: 'fileByFilename', value });
const extension = (containingType: string, extensionNumber: number): Asked => ({
  case: 'fileContainingExtension',
  value: { containingType, extensionNumber },
});
const notFound = ['errorResponse', Code.NotFound, 'not found'];

describe.each([
  ['v1', V1],
  ['v1alpha', V1Alpha],
] as const)('reflection %s', (_name, version) => {
  test('lists the services', async () => {
    expect(await ask(version, [{ case: 'listServices', value: '' }])).toEqual([
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'zitadel.user.v2.UserService',
      ],
    ]);
  });

  test.each([
    ['zitadel.user.v2.UserService', 'zitadel/user/v2/user_service.proto'],
    ['zitadel.user.v2.UserService.UnlockUser', 'zitadel/user/v2/user_service.proto'],
    ['zitadel.user.v2.UnlockUserRequest.user_id', 'zitadel/user/v2/user_service.proto'],
    ['zitadel.user.v2.CreateUserRequest.Human', 'zitadel/user/v2/user_service.proto'],
    ['zitadel.user.v2.CreateUserRequest.user_type', 'zitadel/user/v2/user_service.proto'],
    ['zitadel.user.v2.UserState', 'zitadel/user/v2/user.proto'],
    ['zitadel.user.v2.USER_STATE_LOCKED', 'zitadel/user/v2/user.proto'],
    ['google.api.http', 'google/api/annotations.proto'],
    ['google.rpc.ErrorInfo', 'google/rpc/error_details.proto'],
    ['grpc.health.v1.HealthCheckResponse.SERVING', 'grpc/health/v1/health.proto'],
  ])('finds %s', async (name, expected) => {
    expect(await ask(version, [symbol(name)])).toEqual([expect.arrayContaining([expected])]);
    const [[first]] = (await ask(version, [symbol(name)])) as [[string]];
    expect(first).toBe(expected);
  });

  test.each([
    '',
    'nobody',
    '.zitadel.user.v2.UserService',
    'zitadel.user.v2',
    'constructor',
    '__proto__',
  ])('does not find "%s"', async (name) =>
    expect(await ask(version, [symbol(name), file(name)])).toEqual([notFound, notFound]));

  test('sends a file that is asked for, and each import once in a stream', async () => {
    const answers = (await ask(version, [
      file('google/api/annotations.proto'),
      file('google/api/annotations.proto'),
      symbol('zitadel.user.v2.UserService'),
    ])) as string[][];
    expect(answers[0]?.toSorted()).toEqual([
      'google/api/annotations.proto',
      'google/api/http.proto',
      'google/protobuf/descriptor.proto',
    ]);
    expect(answers[1]).toEqual(['google/api/annotations.proto']);
    expect(answers[2]?.[0]).toBe('zitadel/user/v2/user_service.proto');
    expect(answers[2]).toContain('buf/validate/validate.proto');
    expect(answers[2]).not.toContain('google/api/http.proto');
    expect(new Set(answers[2]).size).toBe(answers[2]?.length);
  });

  test('knows the extensions', async () => {
    expect(
      await ask(version, [
        extension('google.protobuf.MethodOptions', 72295728),
        extension('google.protobuf.MethodOptions', 1),
        extension('nobody', 1),
        { case: 'allExtensionNumbersOfType', value: 'google.protobuf.FieldOptions' },
        { case: 'allExtensionNumbersOfType', value: 'zitadel.user.v2.User' },
        { case: 'allExtensionNumbersOfType', value: 'nobody' },
      ]),
    ).toEqual([
      ['google/api/annotations.proto', 'google/api/http.proto', 'google/protobuf/descriptor.proto'],
      notFound,
      notFound,
      ['google.protobuf.FieldOptions', [1159]],
      ['zitadel.user.v2.User', []],
      notFound,
    ]);
  });

  test('ends the stream of a client that asks for nothing', async () => {
    const error = await ask(version, [{ case: undefined }]).catch((reason: unknown) => reason);
    expect(error instanceof ConnectError && error.code).toBe(Code.InvalidArgument);
  });
});

test('what one question brings is whole: the service can be built from it', async () => {
  const question = async function* () {
    yield { messageRequest: { case: 'fileContainingSymbol' as const, value: UserService.typeName } };
  };
  for await (const { messageResponse } of createClient(V1, open.transport).serverReflectionInfo(question())) {
    if (messageResponse.case !== 'fileDescriptorResponse') throw new Error(`got ${messageResponse.case}`);
    const protos = messageResponse.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(protos) }));
    expect(registry.getService(UserService.typeName)?.methods.map(({ name }) => name)).toEqual(
      UserService.methods.map(({ name }) => name),
    );
  }
});

/** As createFileRegistry wants them. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const placed = new Set<FileDescriptorProto>();
  const place = (file: FileDescriptorProto): void => {
    for (const one of files) if (file.dependency.includes(one.name)) place(one);
    placed.add(file);
  };
  for (const file of files) place(file);
  return [...placed];
}

describe('buf curl, with no schema at hand', () => {
  const buf = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('node_modules/.bin/buf', [
      'curl',
      '--http2-prior-knowledge',
      ...args,
    ]);
    return stdout;
  };

  test.each(['grpc-v1', 'grpc-v1alpha'])('lists the methods over %s', async (protocol) => {
    const methods = await buf('--reflect-protocol', protocol, '--list-methods', open.url);
    expect(methods.split('\n')).toEqual(
      expect.arrayContaining([
        'zitadel.user.v2.UserService/UnlockUser',
        'grpc.health.v1.Health/Check',
        'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      ]),
    );
  });

  test('makes a call', async () => {
    const answer = await buf('--protocol', 'grpc', `${open.url}/grpc.health.v1.Health/Check`);
    expect(JSON.parse(answer)).toEqual({ status: 'SERVING' });
  });
});
