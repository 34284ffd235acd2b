import type { UserState } from '../../src/domain/user.ts';
import type { UserAction } from '../../src/domain/user-state.ts';

export type CallKind = UserAction | 'create' | 'get';

/** One call of one client as that client saw it. */
export interface Call {
  /** The x-request-id that it was sent with; the event that it makes bears it too. */
  readonly requestId: string;
  readonly userId: string;
  readonly kind: CallKind;
  /** Monotonic milliseconds, taken before anything was sent. */
  readonly invokedAtMs: number;
  /** Taken when all of the answer was there. */
  readonly answeredAtMs: number;
  readonly answer: CallAnswer;
}

/**
 * What the client knows afterwards. `unknown`: no answer, or one that says nothing of the outcome; the change may have
 * been made, may be made later, or never.
 */
export type CallAnswer =
  | {
      readonly outcome: 'ok';
      /** Undefined where the answer does not tell. */
      readonly sequence: number | undefined;
      readonly state: UserState | undefined;
    }
  | { readonly outcome: 'refused'; readonly errorId: string }
  | { readonly outcome: 'unknown'; readonly why: string };
