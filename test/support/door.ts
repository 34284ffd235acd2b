import type { JsonObject } from '@bufbuild/protobuf';
import type { Answer } from './answer.ts';
import { restDialect } from './dialects/all.ts';
import { askBare } from './dialects/bare.ts';
import type { MethodName } from './methods.ts';
import { openWire, type WireHeaders } from './wire.ts';

/** One client at the public door, for tests that are about what is answered and not about how. It speaks REST. */
export interface Door extends AsyncDisposable {
  /** Asks with the door's own token unless given another. */
  ask(method: MethodName, message: JsonObject, token?: string, headers?: WireHeaders): Promise<Answer>;
  /** The user as GetUserByID shows it; undefined where it does not. */
  user(userId: string): Promise<JsonObject | undefined>;
  /** All events of the user, oldest first. */
  events(userId: string): Promise<readonly JsonObject[]>;
}

/** What the probes say: /readyz, and the status of grpc.health.v1. */
export async function probesOf(url: string): Promise<readonly [number, string]> {
  const ready = await fetch(`${url}/readyz`);
  await ready.arrayBuffer();
  const check = await fetch(`${url}/grpc.health.v1.Health/Check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  return [ready.status, ((await check.json()) as { status: string }).status];
}

/** Connects when first asked to. */
export function openDoor(url: string, token: string): Door {
  const wire = openWire(url);
  const ask: Door['ask'] = (method, message, other = token, headers = {}) =>
    askBare(wire, restDialect, { method, message, token: other, headers });
  return {
    ask,
    async user(userId) {
      return (await ask('GetUserByID', { userId })).response.user as JsonObject | undefined;
    },
    async events(userId) {
      const { response } = await ask('ListEvents', { userId, limit: 1_000 });
      return (response.events ?? []) as JsonObject[];
    },
    [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
  };
}
