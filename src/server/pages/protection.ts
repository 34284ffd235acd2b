import type { Exchange } from '../http/exchange.ts';

/** All comes from this server, nothing is written into the page, and no page of others holds this one in a frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const always = [
  ...['content-security-policy', policy],
  ...['x-content-type-options', 'nosniff'],
  ...['referrer-policy', 'no-referrer'],
  ...['cross-origin-opener-policy', 'same-origin'],
  ...['cross-origin-resource-policy', 'same-origin'],
];

const withTls = [...always, 'strict-transport-security', 'max-age=31536000'];

/** What every page is sent with, names and values in turn. */
export function protection({ scheme }: Pick<Exchange, 'scheme'>): readonly string[] {
  return scheme === 'https' ? withTls : always;
}
