import { type ErrorName, errors } from '../../src/domain/errors.ts';
import type { UserState } from '../../src/domain/user.ts';
import { transitions } from '../../src/domain/user-state.ts';
import type { Call, CallKind } from './call.ts';

/** All that matters of one user, a machine: where it stands in the transitions table, and how many events it has. */
export interface UserModel {
  readonly state: UserState | 'never';
  readonly sequence: number;
}

/** An id that nobody has used. */
export const unused: UserModel = { state: 'never', sequence: 0 };

/** Where the call leads from here, or the errors of which one refuses it. */
function expect(model: UserModel, kind: CallKind): UserModel | readonly ErrorName[] {
  const { state, sequence } = model;
  const isThere = state !== 'never' && state !== 'deleted';
  if (kind === 'get') return isThere ? model : ['userNotFound'];
  // The name of a user is its own, so where the id is taken the name is.
  if (kind === 'create') {
    return isThere ? ['userExists', 'userNameTaken'] : { state: 'active', sequence: sequence + 1 };
  }
  const { from, notFound } = transitions[kind];
  if (!isThere) return [notFound];
  const step = from[state];
  return 'error' in step ? [step.error] : { state: step.to, sequence: sequence + 1 };
}

/** Where the call led if it was carried out here; undefined where its answer would then be wrong. */
export function follow(model: UserModel, { kind, answer }: Call): UserModel | undefined {
  const expected = expect(model, kind);
  const isRefusal = !('state' in expected);
  switch (answer.outcome) {
    case 'ok':
      if (isRefusal || (answer.sequence ?? expected.sequence) !== expected.sequence) return undefined;
      return (answer.state ?? expected.state) === expected.state ? expected : undefined;
    case 'refused': {
      // Three lost races: nothing was done, whatever the state.
      if (answer.errorId === errors.conflict.id) return model;
      return isRefusal && expected.some((name) => errors[name].id === answer.errorId) ? model : undefined;
    }
    case 'unknown':
      return isRefusal ? model : expected;
    default:
      return answer satisfies never;
  }
}
