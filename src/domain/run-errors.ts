/** What the calls about runs are answered: rows of the table in errors.ts. */
export const runErrors = {
  runTokenInvalid: {
    kind: 'invalid_argument',
    id: 'LATCH-runt0ken',
    reason: 'RUN_TOKEN_INVALID',
    text: 'The run token is none of this server, or older than 15 minutes: ask for a new preview',
  },
  runSetChanged: {
    kind: 'failed_precondition',
    id: 'LATCH-runset0x',
    reason: 'RUN_SET_CHANGED',
    text: 'These are not the locks that were confirmed: look at a new preview',
  },
  runNotFound: {
    kind: 'not_found',
    id: 'LATCH-runn0tf0',
    reason: 'RUN_NOT_FOUND',
    text: 'Run could not be found',
  },
  runEnded: {
    kind: 'failed_precondition',
    id: 'LATCH-runended',
    reason: 'RUN_ENDED',
    text: 'The run has ended',
  },
  runGoesOn: {
    kind: 'failed_precondition',
    id: 'LATCH-rung0es0',
    reason: 'RUN_GOES_ON',
    text: 'The run still goes on: wait for its end, or cancel it',
  },
  runReverts: {
    kind: 'failed_precondition',
    id: 'LATCH-runback1',
    reason: 'RUN_REVERTS',
    text: 'The run takes another one back: start a new one instead',
  },
} as const;
