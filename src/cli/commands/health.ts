import { UsageError } from '../../app/usage.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../failure.ts';
import { isLoopback } from '../loopback.ts';

const timeoutFallback = '2';

/** `latchkey health`: what a container's health check runs. */
export const healthCommand: Command = {
  path: 'health',
  operands: '',
  operandsMax: 0,
  summary: 'Ask the server whether it is ready: exit code 0 where it is, 6 where not',
  options: {
    url: {
      value: 'URL',
      help: 'the server (LATCHKEY_URL)',
      fallback: 'this machine, at the port of LATCHKEY_PORT',
    },
    timeout: { value: 'SECONDS', help: 'how long to wait for an answer', fallback: timeoutFallback },
  },
  json: 'document',
  notes: ['No token is needed, and none is sent. On loopback, the name in the certificate is not looked at.'],
  examples: ['latchkey health', 'latchkey health --url https://latchkey.example --json'],
  run: runHealth,
};

async function runHealth({ args, output }: CommandContext): Promise<void> {
  const named = args.text('url');
  const url =
    named === undefined ? parseUrl(await urlOfEnvironment(), 'LATCHKEY_URL') : parseUrl(named, '--url');
  const { timeoutMsOf } = await import('../target.ts');
  const timeoutMs = timeoutMsOf(args, timeoutFallback);
  const answer = await ask(new URL('/readyz', url), timeoutMs);
  if (answer === 'ok') return output.document({ url: url.origin, isReady: true }, [`${url.origin} is ready`]);
  throw new CliError({ code: 'unavailable', message: `${url.origin} is not ready: ${answer}` });
}

// Inside a container the server's settings are in the environment of the health check too.
async function urlOfEnvironment(): Promise<string> {
  const { parseServeConfig, readClientEnvironment } = await import('../../app/config.ts');
  const named = readClientEnvironment().url;
  if (named !== undefined) return named;
  const { host, port, tls } = parseServeConfig([]);
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${tls === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function parseUrl(text: string, from: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(`${from} must be like http://127.0.0.1:8080 or https://host, not "${text}"`);
}

/** What the server says, in a line; or why it says nothing. */
async function ask(url: URL, timeoutMs: number): Promise<string> {
  // Loaded here: who asks for help or a list does not pay for them.
  const { get } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const { causeText } = await import('../remote/unreached.ts');
  return new Promise((resolve) => {
    const options = { signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: !isLoopback(url) };
    const request = get(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body = `${body}${text}`.slice(0, 200);
      });
      response.on('error', (error) => resolve(error.message));
      response.on('end', () => resolve(saidOf(response.statusCode, body.trim())));
    });
    request.on('error', ({ name, message }) => {
      resolve(
        name === 'AbortError' ? `no answer within ${timeoutMs} ms` : (causeText(message, url) ?? message),
      );
    });
  });
}

function saidOf(status: number | undefined, body: string): string {
  if (status === 200) return 'ok';
  return `${status} ${body}${status === 503 ? ' (its log says why)' : ''}`;
}
