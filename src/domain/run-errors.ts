import { entry } from './error-entry.ts';

/** What the calls about runs are answered: rows of the table in errors.ts. */
export const runErrors = {
  runTokenInvalid: entry(
    'invalid_argument',
    'LATCH-runt0ken',
    'RUN_TOKEN_INVALID',
    'The run token is none of this server, or older than 15 minutes: ask for a new preview',
  ),
  runSetChanged: entry(
    'failed_precondition',
    'LATCH-runset0x',
    'RUN_SET_CHANGED',
    'These are not the locks that were confirmed: look at a new preview',
  ),
  runNotFound: entry('not_found', 'LATCH-runn0tf0', 'RUN_NOT_FOUND', 'Run could not be found'),
  runEnded: entry('failed_precondition', 'LATCH-runended', 'RUN_ENDED', 'The run has ended'),
  runGoesOn: entry(
    'failed_precondition',
    'LATCH-rung0es0',
    'RUN_GOES_ON',
    'The run still goes on: wait for its end, or cancel it',
  ),
  runReverts: entry(
    'failed_precondition',
    'LATCH-runback1',
    'RUN_REVERTS',
    'The run takes another one back: start a new one instead',
  ),
  runItemsGone: entry(
    'failed_precondition',
    'LATCH-runit3ms',
    'RUN_ITEMS_GONE',
    'What became of each user of the run is not kept any more: it can neither be listed nor taken back',
  ),
  runsTooMany: entry(
    'resource_exhausted',
    'LATCH-runst00m',
    'RUNS_TOO_MANY',
    'Too many runs have not ended yet: cancel one of them, or wait for its end',
  ),
  runsWithoutBulk: entry(
    'resource_exhausted',
    'LATCH-runsh0ur',
    'RUNS_WITHOUT_BULK',
    'Without user.unlock.bulk runs unlock at most 100 users an hour: wait, or ask somebody who holds it',
  ),
} as const;
