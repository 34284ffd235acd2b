import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import type { CommandApp } from '../../commands/change-user.ts';
import { changeUserState } from '../../commands/user-state.ts';
import { parseUserId } from '../../domain/ids.ts';
import type { UserAction } from '../../domain/user-state.ts';
import { detailsOf } from '../convert/details.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserStateHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'unlockUser' | 'lockUser' | 'deactivateUser' | 'reactivateUser' | 'deleteUser'
>;

/** The five calls that move a user from state to state: one handler, five names. */
export function userStateHandlers(app: CommandApp): UserStateHandlers {
  const handle = (action: UserAction) => async (req: { userId: string }, context: HandlerContext) => {
    const userId = parseUserId(req.userId);
    const user = await changeUserState(app, context.values.get(callerKey), userId, action);
    return { details: detailsOf(user) };
  };
  return {
    unlockUser: handle('unlock'),
    lockUser: handle('lock'),
    deactivateUser: handle('deactivate'),
    reactivateUser: handle('reactivate'),
    deleteUser: handle('delete'),
  };
}
