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
};

/** A text as a POSIX shell reads it, whatever is in it. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
