/** Another site, in all the ways in which a way back has named one: plain, without a scheme, by backslashes, encoded, in parts. */
export const elsewhere: readonly string[] = [
  'https://evil.example/console/',
  '//evil.example',
  '///evil.example',
  '\\\\evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '%2f%2fevil.example',
  '%5c%5cevil.example',
  '%252f%252fevil.example',
  '/%09/evil.example',
  '@evil.example',
  '.evil.example',
  '/console/../..//evil.example',
  'javascript:location="//evil.example"',
  'data:text/html,<script>location="//evil.example"</script>',
];

/** What such a parameter is called, here and there. */
export const names: readonly string[] = ['return', 'return_to', 'returnUrl', 'next', 'redirect_uri', 'url'];

/** Addresses of this server that try to lead to the place: as a parameter of each name, and as what follows a path. */
export function leadingTo(place: string): readonly string[] {
  const query = names.map((name) => `${name}=${encodeURIComponent(place)}`).join('&');
  const raw = `return=${place}`;
  return [...[query, raw].map((text) => `/console/?${text}`), `/console/${place}`, `/console/#${place}`];
}
