/** For the command line, which knows a URL and not what the server was started with. */
export { obstacleIn } from '../outbound/allowed.ts';
