import { fromJson, toBinary } from '@bufbuild/protobuf';
import { type Client, credentials, Metadata, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from '../../../gen/grpc-js/google/rpc/error_details.ts';
import { Status } from '../../../gen/grpc-js/google/rpc/status.ts';
import { AdminServiceClient, AdminServiceService } from '../../../gen/grpc-js/latchkey/v1/admin.ts';
import {
  AttemptServiceClient,
  AttemptServiceService,
} from '../../../gen/grpc-js/latchkey/v1/attempt_service.ts';
import { LockServiceClient, LockServiceService } from '../../../gen/grpc-js/latchkey/v1/lock.ts';
import { PolicyServiceClient, PolicyServiceService } from '../../../gen/grpc-js/latchkey/v1/policy.ts';
import {
  SubscriptionServiceClient,
  SubscriptionServiceService,
} from '../../../gen/grpc-js/latchkey/v1/subscription.ts';
import {
  SessionServiceClient,
  SessionServiceService,
} from '../../../gen/grpc-js/zitadel/session/v2/session_service.ts';
import {
  SettingsServiceClient,
  SettingsServiceService,
} from '../../../gen/grpc-js/zitadel/settings/v2/settings_service.ts';
import { UserServiceClient, UserServiceService } from '../../../gen/grpc-js/zitadel/user/v2/user_service.ts';
import { CredentialsCheckError, ErrorDetail } from '../../../gen/grpc-js/zitadel/v1/error_detail.ts';
import { type Answer, canonical, codeName, type Detail, failed, succeeded } from '../answer.ts';
import { methods } from '../methods.ts';
import type { Ask } from './bare.ts';

/** @grpc/grpc-js with the stubs that ts-proto makes: no line shared with the server's own reading of the contract. */
export interface GrpcJsClient extends AsyncDisposable {
  ask(ask: Ask): Promise<Answer>;
}

const services: readonly ServiceDefinition[] = [
  UserServiceService,
  AdminServiceService,
  AttemptServiceService,
  LockServiceService,
  PolicyServiceService,
  SubscriptionServiceService,
  SettingsServiceService,
  SessionServiceService,
];
const stubs = [
  UserServiceClient,
  AdminServiceClient,
  AttemptServiceClient,
  LockServiceClient,
  PolicyServiceClient,
  SubscriptionServiceClient,
  SettingsServiceClient,
  SessionServiceClient,
];

/** Connects when first asked to. */
export function openGrpcJsClient(url: string): GrpcJsClient {
  const { host } = new URL(url);
  const clients = stubs.map((Stub) => new Stub(host, credentials.createInsecure()));
  return {
    async ask(ask) {
      const { desc } = methods[ask.method];
      const path = `/${desc.parent.typeName}/${desc.name}`;
      const index = services.findIndex((service) => Object.values(service).some((one) => one.path === path));
      const [name, stub] = Object.entries(services[index] ?? {}).find(([, one]) => one.path === path) ?? [];
      const client = clients[index];
      if (name === undefined || stub === undefined || client === undefined)
        throw new Error(`no stub ${path}`);
      // The stub gets a message of its own making; the bytes on the wire are then ts-proto's.
      const bytes = toBinary(desc.input, fromJson(desc.input, ask.message));
      const request: unknown = stub.requestDeserialize(Buffer.from(bytes));
      const answered = await unary({ client, name }, request, metadataOf(ask));
      if ('error' in answered) return failureOf(answered.error);
      return succeeded(canonical(desc, new Uint8Array(stub.responseSerialize(answered.response))), undefined);
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
    },
  };
}

function metadataOf(ask: Ask): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(ask.headers ?? {})) metadata.set(name, value);
  if (ask.token !== undefined) metadata.set('authorization', `Bearer ${ask.token}`);
  return metadata;
}

type Answered = { readonly response: unknown } | { readonly error: ServiceError };
type Unary = (
  request: unknown,
  metadata: Metadata,
  callback: (error: ServiceError | null, response: unknown) => void,
) => unknown;

function unary(stub: { client: Client; name: string }, request: unknown, metadata: Metadata) {
  const method = Reflect.get(stub.client, stub.name) as Unary;
  return new Promise<Answered>((resolve) => {
    method.call(stub.client, request, metadata, (error, response) =>
      resolve(error === null ? { response } : { error }),
    );
  });
}

function failureOf(error: ServiceError): Answer {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  const status = packed === undefined ? undefined : Status.decode(packed as Buffer);
  if (status !== undefined && (status.code !== error.code || status.message !== error.details)) {
    throw new Error(`two statuses: ${error.code} ${error.details}, ${status.code} ${status.message}`);
  }
  const details = (status?.details ?? []).map(({ typeUrl, value }) => detailOf(typeUrl, value));
  return failed({ code: codeName(error.code), message: error.details, details }, undefined);
}

const readers = {
  'type.googleapis.com/zitadel.v1.ErrorDetail': ErrorDetail,
  'type.googleapis.com/zitadel.v1.CredentialsCheckError': CredentialsCheckError,
  'type.googleapis.com/google.rpc.ErrorInfo': ErrorInfo,
  'type.googleapis.com/google.rpc.RetryInfo': RetryInfo,
} as const;

function detailOf(typeUrl: string, value: Uint8Array): Detail {
  const reader = Object.entries(readers).find(([known]) => known === typeUrl)?.[1];
  if (reader === undefined) throw new Error(`a detail of unknown type ${typeUrl}`);
  const json = reader.toJSON(reader.decode(value) as never) as Omit<Detail, 'type'>;
  return { type: typeUrl.slice('type.googleapis.com/'.length), ...json };
}
