import { type ContextKey, createContextKey } from '@connectrpc/connect';
import type { Caller } from '../../auth/caller.ts';

const nobody: Caller = { grants: [], meta: {}, organizationId: undefined };

/** Set by the authenticate interceptor; a handler that runs without it sees a caller who may do nothing. */
export const callerKey: ContextKey<Caller> = createContextKey(nobody, { description: 'caller' });
