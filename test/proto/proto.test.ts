import {
  type DescFile,
  type DescMethod,
  type DescService,
  fromBinary,
  getOption,
  hasOption,
  toBinary,
} from '@bufbuild/protobuf';
import * as known from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { describe, expect, test } from '@jest/globals';
import * as ours from '../../gen/es/buf/validate/validate_pb.js';
import { file_google_api_annotations, http } from '../../gen/es/google/api/annotations_pb.js';
import { file_google_api_http, type HttpRule } from '../../gen/es/google/api/http_pb.js';
import { file_google_rpc_error_details } from '../../gen/es/google/rpc/error_details_pb.js';
import { file_google_rpc_status } from '../../gen/es/google/rpc/status_pb.js';
import { file_grpc_health_v1_health, Health } from '../../gen/es/grpc/health/v1/health_pb.js';
import * as reflectionV1 from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import * as reflectionV1alpha from '../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { AdminService, file_latchkey_v1_admin } from '../../gen/es/latchkey/v1/admin_pb.js';
import {
  AttemptService,
  file_latchkey_v1_attempt_service,
} from '../../gen/es/latchkey/v1/attempt_service_pb.js';
import { file_latchkey_v1_lock, LockService } from '../../gen/es/latchkey/v1/lock_pb.js';
import { file_latchkey_v1_policy, PolicyService } from '../../gen/es/latchkey/v1/policy_pb.js';
import { rest_status as restStatus } from '../../gen/es/latchkey/v1/rest_pb.js';
import {
  file_latchkey_v1_subscription,
  SubscriptionService,
} from '../../gen/es/latchkey/v1/subscription_pb.js';
import { file_latchkey_v1_unlock_run, UnlockRunService } from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { file_zitadel_filter_v2_filter } from '../../gen/es/zitadel/filter/v2/filter_pb.js';
import { file_zitadel_metadata_v2_metadata } from '../../gen/es/zitadel/metadata/v2/metadata_pb.js';
import { file_zitadel_object_v2_object } from '../../gen/es/zitadel/object/v2/object_pb.js';
import {
  file_zitadel_session_v2_session_service,
  SessionService,
} from '../../gen/es/zitadel/session/v2/session_service_pb.js';
import {
  file_zitadel_settings_v2_settings_service,
  SettingsService,
} from '../../gen/es/zitadel/settings/v2/settings_service_pb.js';
import {
  file_zitadel_user_v2_user_service,
  UserService,
} from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { file_zitadel_v1_error_detail } from '../../gen/es/zitadel/v1/error_detail_pb.js';
import { file_zitadel_v1_query } from '../../gen/es/zitadel/v1/query_pb.js';
import { otherApis } from './other-apis.ts';
import {
  adminRoutes,
  attemptRoutes,
  lockRoutes,
  policyRoutes,
  sessionRoutes,
  subscriptionRoutes,
  unlockRunRoutes,
  userRoutes,
} from './routes.ts';
import { sample } from './sample.ts';
import { sessionApi } from './session-api.ts';
import { userApi } from './user-api.ts';
import { tableText, typeText, wireText, withNested } from './wire-text.ts';

const packages: Readonly<Record<string, readonly DescFile[]>> = {
  'zitadel.user.v2': withImports(file_zitadel_user_v2_user_service),
  'zitadel.session.v2': withImports(file_zitadel_session_v2_session_service),
  'zitadel.settings.v2': withImports(file_zitadel_settings_v2_settings_service),
  'zitadel.object.v2': [file_zitadel_object_v2_object],
  'zitadel.filter.v2': [file_zitadel_filter_v2_filter],
  'zitadel.metadata.v2': [file_zitadel_metadata_v2_metadata],
  'zitadel.v1': [file_zitadel_v1_error_detail, file_zitadel_v1_query],
  'latchkey.v1': [
    file_latchkey_v1_admin,
    file_latchkey_v1_attempt_service,
    file_latchkey_v1_lock,
    file_latchkey_v1_policy,
    file_latchkey_v1_unlock_run,
    file_latchkey_v1_subscription,
  ],
  'google.api': [file_google_api_http],
  'google.rpc': [file_google_rpc_status, file_google_rpc_error_details],
  'grpc.health.v1': [file_grpc_health_v1_health],
  'grpc.reflection.v1': [reflectionV1.file_grpc_reflection_v1_reflection],
  // Message for message the same.
  'grpc.reflection.v1alpha': [reflectionV1alpha.file_grpc_reflection_v1alpha_reflection],
};

const tables: Readonly<Record<string, string>> = {
  ...userApi,
  ...sessionApi,
  ...otherApis,
  'grpc.reflection.v1alpha': otherApis['grpc.reflection.v1'] ?? '',
};

describe('every message and enum is what the contract says, and there are no others', () => {
  test.each(Object.keys(tables))('%s', (name) => {
    expect(wireText(packages[name] ?? [])).toEqual(tableText(tables[name] ?? ''));
  });

  test('every package has its table', () => {
    expect(Object.keys(packages).sort()).toEqual(Object.keys(tables).sort());
  });
});

const healthCalls = `
Check
List
Watch stream
`;

describe('every call has its route', () => {
  test.each([
    [UserService, userRoutes],
    [SessionService, sessionRoutes],
    [SettingsService, 'GetLockoutSettings GET /v2/settings/lockout'],
    [AdminService, adminRoutes],
    [AttemptService, attemptRoutes],
    [LockService, lockRoutes],
    [PolicyService, policyRoutes],
    [UnlockRunService, unlockRunRoutes],
    [SubscriptionService, subscriptionRoutes],
    [Health, healthCalls],
    [reflectionV1.ServerReflection, 'ServerReflectionInfo stream both'],
    [reflectionV1alpha.ServerReflection, 'ServerReflectionInfo stream both'],
  ])('%s', (service: DescService, table: string) => {
    expect(service.methods.map(methodText).join('\n')).toBe(table.trim());
  });

  test.each(
    [
      ...[UserService, SessionService, SettingsService, LockService, PolicyService],
      ...[UnlockRunService, SubscriptionService, AttemptService],
    ].flatMap(({ methods }) => methods.map((method) => [method.name, method] as const)),
  )('%s takes and answers messages of its own name', (name, method) => {
    const { package: packageName } = method.parent.file.proto;
    expect(method.input.typeName).toBe(`${packageName}.${name}Request`);
    expect(method.output.typeName).toBe(`${packageName}.${name}Response`);
  });

  test('the route is the well-known extension of a method', () => {
    expect([http.typeName, http.number, http.extendee.typeName]).toEqual([
      'google.api.http',
      72295728,
      'google.protobuf.MethodOptions',
    ]);
    expect(file_google_api_annotations.extensions).toHaveLength(1);
  });

  test('the status of a success is an extension of ours', () => {
    expect([restStatus.typeName, restStatus.number, restStatus.extendee.typeName]).toEqual([
      'latchkey.v1.rest_status',
      50201,
      'google.protobuf.MethodOptions',
    ]);
  });
});

describe('our validate.proto has the numbers of the real one', () => {
  const knownMessages = new Map(known.file_buf_validate_validate.messages.map((m) => [m.typeName, m]));

  test('extensions', () => {
    const text = (file: DescFile) =>
      file.extensions.map((e) => `${e.typeName} ${e.number} ${e.extendee.typeName}`);
    expect(text(ours.file_buf_validate_validate)).toHaveLength(2);
    expect(text(known.file_buf_validate_validate)).toEqual(
      expect.arrayContaining(text(ours.file_buf_validate_validate)),
    );
  });

  test.each(ours.file_buf_validate_validate.messages.map((m) => [m.name, m] as const))('%s', (_, message) => {
    const real = knownMessages.get(message.typeName);
    for (const field of message.fields) {
      const same = real?.fields.find((f) => f.number === field.number);
      expect(same && [same.name, same.fieldKind, typeText(same), same.oneof?.name]).toEqual([
        field.name,
        field.fieldKind,
        typeText(field),
        field.oneof?.name,
      ]);
    }
    expect(message.fields.length).toBeGreaterThan(0);
  });
});

describe('two generators read the same bytes alike', () => {
  const files = Object.values(packages)
    .flat()
    .filter((file) => !file.name.startsWith('google/api'));

  test.each(files.map((file) => [file.name, file] as const))('%s', async (name, file) => {
    const stubs = await import(`../../gen/grpc-js/${name}.ts`);
    for (const schema of file.messages.flatMap(withNested)) {
      const bytes = toBinary(schema, sample(schema));
      const codec = stubs[schema.typeName.slice(file.proto.package.length + 1).replaceAll('.', '_')];
      const again = fromBinary(schema, codec.encode(codec.decode(bytes)).finish());
      expect(again).toEqual(fromBinary(schema, bytes));
      expect(bytes.length > 0).toBe(schema.fields.length > 0);
    }
  });
});

/** `Name VERB /path body, VERB /further/path … status`, as in the tables above. */
function methodText(method: DescMethod): string {
  const words = [method.name];
  if (hasOption(method, http)) {
    const rule = getOption(method, http);
    words.push([rule, ...rule.additionalBindings].map(routeText).join(', '));
  }
  if (hasOption(method, restStatus)) words.push(`${getOption(method, restStatus)}`);
  if (method.deprecated) words.push('deprecated');
  if (method.methodKind !== 'unary') words.push('stream');
  if (method.methodKind === 'bidi_streaming') words.push('both');
  return words.join(' ');
}

function routeText({ pattern, body }: HttpRule): string {
  return `${pattern.case?.toUpperCase()} ${pattern.value} ${body}`.trim();
}

/** The file, and all of its package that it imports. */
function withImports(file: DescFile): DescFile[] {
  const name = file.proto.package;
  const found = new Set([file]);
  for (const each of found) {
    for (const imported of each.dependencies) if (imported.proto.package === name) found.add(imported);
  }
  return [...found];
}
