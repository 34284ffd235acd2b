import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seededRandom } from '../../support/random.ts';
import { repetitions } from '../../support/repetitions.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';
import { exchangeHttp1, exchangeHttp2, type RawStream, type Received, talk } from '../rfc/raw.ts';
import { decidedFrames, decidedHttp1, decidedHttp2, type Seen } from './decided.ts';
import { generateFrames, isAnswered, type SentFrames, type Verdict, verdictOnFrames } from './frames.ts';
import { type Generated, generateHttp1, generateHttp2 } from './generate.ts';
import { noGo, type Peer, startGo, startNode } from './peers.ts';

const requests = repetitions({ few: 48, many: 1_500 });
const atOnce = 24;
const isLong = requests > 100;
const goMissing = isLong ? noGo() : 'asked in test/long/run.sh alone, as it is built first';

let server: TestServer;
let token: string;
const peers: Peer[] = [];

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  peers.push(await startNode());
  if (goMissing === undefined) peers.push(await startGo());
  else process.stdout.write(`without Go: ${goMissing}\n`);
}, 120_000);
afterAll(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const refusals = new Set([400, 408, 411, 413, 414, 417, 421, 431, 501, 505]);

/**
 * How many requests were found and served. How the others were refused is each server's own: with an answer, by a reset
 * or by hanging up (RFC 9112 §9.6, RFC 9113 §5.4 and §8.1.1 leave it to them).
 */
function verdict({ answers, reset, goaway }: Received): Verdict {
  const isRefused = reset !== undefined || (goaway !== undefined && goaway !== 'noError');
  const served = answers.filter(({ status }) => status >= 200 && !refusals.has(status)).length;
  const rank = isRefused ? 0 : served;
  return { rank, said: `served ${rank}` };
}

interface Difference {
  readonly features: readonly string[];
  readonly peer: string;
  readonly ours: string;
  readonly theirs: string;
}

interface Comparison<Sent> {
  readonly generate: (random: () => number, token: string) => Generated<Sent>;
  readonly ask: (target: Pick<Peer, 'http1Port' | 'http2Port'>, sent: Sent) => Promise<Verdict>;
  readonly decided: (seen: Seen) => boolean;
}

/** Differences that no section was found to decide. */
async function differences<Sent>({
  generate,
  ask,
  decided,
}: Comparison<Sent>): Promise<readonly Difference[]> {
  const own = { http1Port: server.port, http2Port: server.port };
  const found: Difference[] = [];
  let seed = 0;
  const work = async (): Promise<void> => {
    while (seed < requests) {
      seed += 1;
      const { features, sent } = generate(seededRandom(seed), token);
      const compare = async (): Promise<readonly Difference[]> => {
        const [ours, ...others] = await Promise.all([own, ...peers].map((one) => ask(one, sent)));
        return peers.flatMap(({ name: peer }, nth) => {
          const theirs = others[nth];
          if (ours === undefined || theirs === undefined) throw new Error('bug: a server was not asked');
          const isSame =
            ours.said === theirs.said || decided({ peer, features, isMore: ours.rank > theirs.rank });
          return isSame ? [] : [{ features, peer, ours: ours.said, theirs: theirs.said }];
        });
      };
      // Once more, as a slow machine may make one seem to have said nothing.
      if ((await compare()).length > 0) found.push(...(await compare()));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}

const told = (found: readonly Difference[]): readonly string[] =>
  found.map(({ features, peer, ours, theirs }) => {
    const odd = features.filter((feature) => !/ (plain|path|1\.1|one|length)$/.test(feature));
    return `${odd.join(', ')}: ours ${ours}, ${peer}'s ${theirs}`;
  });

test('HTTP/1.1 is understood as Node and Go understand it, but for what a section decides', async () => {
  const found = await differences<string>({
    generate: generateHttp1,
    ask: async ({ http1Port }, sent) =>
      verdict(await exchangeHttp1(http1Port, sent, { verbs: [], settled: 2, waitMs: 1_500 })),
    decided: decidedHttp1,
  });
  expect(told(found)).toEqual([]);
}, 600_000);

test('HTTP/2 is understood as Node and Go understand it, but for what a section decides', async () => {
  const found = await differences<RawStream>({
    generate: generateHttp2,
    ask: async ({ http2Port }, sent) =>
      verdict(await exchangeHttp2(http2Port, sent, { settled: 1, waitMs: 1_500 })),
    decided: decidedHttp2,
  });
  expect(told(found)).toEqual([]);
}, 600_000);

test('the frames of an HTTP/2 connection are understood as Node and Go understand them, but for what a section decides', async () => {
  const found = await differences<SentFrames>({
    generate: generateFrames,
    ask: async ({ http2Port }, { bytes, asked, left }) => {
      const isWhole = (received: Buffer) => isAnswered(received, asked);
      return verdictOnFrames(await talk(http2Port, { sent: bytes, isWhole, waitMs: 1_500 }), left);
    },
    decided: decidedFrames,
  });
  expect(told(found)).toEqual([]);
}, 600_000);
