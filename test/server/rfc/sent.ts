import type { Comes } from './requirement.ts';

/** Of most requests. */
export const host = 'Host: x.example\n';
/** A request without a body. */
export const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\n${host}${more}\n`;
/** A call that nobody may make without a token. */
export const unlock = '/v2/users/{user}/unlock';
/** A request for `unlock`. */
export const post = (more: string, body = ''): string => `POST ${unlock} HTTP/1.1\n${host}${more}\n${body}`;
/** Signs in. */
export const bearer = 'Authorization: Bearer {token}\n';
/** A request that a token serves. */
export const getUser = (more = ''): string => get('/v2/users/{user}', `${bearer}${more}`);
/** A call of Connect, of which the answer is worth compressing. */
export const list = (more: string): string =>
  `POST /zitadel.user.v2.UserService/ListUsers HTTP/1.1\n${host}${bearer}Content-Type: application/json\n${more}Content-Length: 2\n\n{}`;
/** Served. */
export const ok: Comes = { status: [200] };
/** Refused for what HTTP forbids. */
export const bad: Comes = { status: [400] };
/** And no further request is read. */
export const badAndClosed: Comes = { status: [400], closes: true };
