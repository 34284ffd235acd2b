import { type Language, tokenVariable, withBody, withToken } from './request.ts';

/** For any POSIX shell. */
export const curl: Language = {
  name: 'curl',
  file: 'call.sh',
  command: 'sh call.sh',
  snippet(request) {
    const parts = [
      `curl --request ${request.verb} ${shellQuoted(request.url)}`,
      withToken(request, `--header "Authorization: Bearer $${tokenVariable}"`),
      withBody(request, () => "--header 'Content-Type: application/json'"),
      withBody(request, (body) => `--data ${shellQuoted(body)}`),
    ];
    return parts.filter((part) => part !== undefined).join(' \\\n  ');
  },
  stream(request) {
    const body = request.body ?? '{}';
    const parts = [
      `printf ${shellQuoted(`${prefix(body)}%s`)} ${shellQuoted(body)} | curl --no-buffer --request POST ${shellQuoted(request.url)}`,
      withToken(request, `--header "Authorization: Bearer $${tokenVariable}"`),
      "--header 'Content-Type: application/connect+json'",
      '--data-binary @-',
    ];
    return parts.filter((part) => part !== undefined).join(' \\\n  ');
  },
};

/** Flags and length, as printf writes bytes. */
function prefix(body: string): string {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(Buffer.byteLength(body), 1);
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

/** A text as a POSIX shell reads it, whatever is in it. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
