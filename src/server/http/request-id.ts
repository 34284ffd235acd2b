import { randomBytes } from 'node:crypto';

const acceptable = /^[A-Za-z0-9._~-]{1,128}$/;

/**
 * Makes the function that names each request: the client's `x-request-id` where it is 1..128 of `[A-Za-z0-9._~-]`
 * (nothing that could break a log line or a header), else one of our own, unique to this process and cheap.
 */
export function createRequestIds(prefix: string = randomPrefix()): (incoming: string | undefined) => string {
  let made = 0;
  return (incoming) => {
    if (incoming !== undefined && acceptable.test(incoming)) return incoming;
    made += 1;
    return `${prefix}-${made.toString(36)}`;
  };
}

function randomPrefix(): string {
  return randomBytes(9).toString('base64url');
}
