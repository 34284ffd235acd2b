import { obstacleIn } from '../outbound/allowed.ts';

/**
 * Says that a server sends nothing to this URL unless its operator named the host; undefined where the text alone does not
 * tell. For the command line, which does not know what a server was started with.
 */
export function outOfReach(url: string): string | undefined {
  const obstacle = obstacleIn(url);
  if (obstacle === undefined) return undefined;
  const { host, why } = obstacle;
  const what = why === 'not public' ? `${host} is not public` : `http to ${host} is in the clear`;
  return `${what}: nothing is sent there unless the server has --outbound-allow ${host}`;
}
