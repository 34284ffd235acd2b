import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { type HandedCode, resetPassword, sendEmailCode, verifyEmail } from '../../commands/codes.ts';
import type { SignInApp } from '../../commands/sign-in-facts.ts';
import { DomainError } from '../../domain/errors.ts';
import { parseUserId } from '../../domain/ids.ts';
import { detailsOf } from '../convert/details.ts';
import { refuseUnserved } from '../human-request.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserCodeHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'sendEmailCode' | 'resendEmailCode' | 'verifyEmail' | 'passwordReset'
>;

interface EmailCodeRequest {
  readonly userId: string;
  readonly verification: { readonly case: 'sendCode' | 'returnCode' | undefined };
}

/** The calls about codes: each goes to whoever asks, since nobody here sends mail. */
export function userCodeHandlers(app: SignInApp): UserCodeHandlers {
  const emailCode = async ({ userId, verification }: EmailCodeRequest, context: HandlerContext) => {
    refuseUnserved({ send_code: verification.case === 'sendCode' });
    requireReturned(verification.case);
    return answerOf(await sendEmailCode(app, context.values.get(callerKey), parseUserId(userId)));
  };
  return {
    sendEmailCode: emailCode,
    resendEmailCode: emailCode,
    async verifyEmail(req, context) {
      const { verificationCode: code } = req;
      const proof = { userId: parseUserId(req.userId), code, signal: context.signal };
      return { details: detailsOf(await verifyEmail(app, context.values.get(callerKey), proof)) };
    },
    async passwordReset(req, context) {
      refuseUnserved({ send_link: req.medium.case === 'sendLink' });
      requireReturned(req.medium.case);
      return answerOf(await resetPassword(app, context.values.get(callerKey), parseUserId(req.userId)));
    },
  };
}

// Without either, clients of a server with a mailer mean a mail.
function requireReturned(kind: string | undefined): void {
  if (kind === undefined) throw new DomainError('fieldInvalid', { text: 'return_code: value is required' });
}

function answerOf({ user, code: verificationCode }: HandedCode) {
  return { details: detailsOf(user), verificationCode };
}
