import type { DescMethod } from '@bufbuild/protobuf';
import { restDialect } from './dialects/rest.ts';
import { type DialectTable, isStreamContentType, streamContentTypes } from './dialects/table.ts';
import { type CorsPolicy, isPreflight, preflightAnswer } from './http/cors.ts';
import { headerOf, type Log, type Reply, type UniversalExchange } from './http/exchange.ts';
import type { CallTarget } from './lane/call.ts';
import type { Lane } from './lane/lane.ts';
import type { MethodEntry, MethodTable } from './lane/method-table.ts';
import { type ProbeDeps, probe } from './probes.ts';
import {
  badPath,
  flawed,
  noTrailers,
  notFound,
  notImplemented,
  unsupportedMediaType,
  wrongVerb,
} from './refusal.ts';
import type { RouteMatch } from './routes/http-rule.ts';
import type { Adapter } from './streams/adapter.ts';

/** Where a request can go. */
export interface DispatchOptions {
  readonly methods: MethodTable;
  readonly dialects: DialectTable;
  readonly lane: Lane;
  readonly adapter: Adapter;
  readonly cors: CorsPolicy;
  readonly probes: ProbeDeps;
  readonly log: Log;
}

/** Sends each request where its path and content type say: the path decides the method, the content type the dialect. */
export function createDispatch(options: DispatchOptions): (exchange: UniversalExchange) => void {
  const ways: Ways = { ...options, ...targetsOf(options) };
  return (exchange) => {
    try {
      if (exchange.flaw !== undefined || exchange.httpVersion === '1.0') {
        const refusal = refusalOf(exchange);
        if (refusal !== undefined) {
          exchange.answer(refusal);
          return;
        }
      }
      const contentType = exchange.headers['content-type'] ?? '';
      const target =
        exchange.verb === 'POST' ? ways.byPath.get(exchange.target)?.get(contentType) : undefined;
      if (target !== undefined) ways.lane.start(target, undefined, exchange);
      else dispatchOther(ways, exchange);
    } catch (cause) {
      options.log('request.failed', { requestId: exchange.requestId, cause });
      exchange.abandon();
    }
  };
}

/** What is answered before anybody asks what the request is for. */
function refusalOf(exchange: UniversalExchange): Reply | undefined {
  if (exchange.flaw !== undefined) return flawed(exchange.flaw);
  const { httpVersion, headers } = exchange;
  const isGrpc = httpVersion === '1.0' && /^application\/grpc($|[+;])/i.test(headers['content-type'] ?? '');
  return isGrpc ? noTrailers(headers['content-type'] ?? '') : undefined;
}

/** What the lane takes of one method, by the plain content type; REST's under `rest`. */
type MethodTargets = ReadonlyMap<string, CallTarget>;

interface Ways extends DispatchOptions {
  readonly byPath: ReadonlyMap<string, MethodTargets>;
  readonly byMethod: ReadonlyMap<DescMethod, MethodTargets>;
}

// Made once, so that most calls need two look-ups and no object.
function targetsOf({ methods, dialects }: DispatchOptions): Pick<Ways, 'byPath' | 'byMethod'> {
  const byPath = new Map<string, MethodTargets>();
  const byMethod = new Map<DescMethod, MethodTargets>();
  for (const { path, unary } of methods.byPath.values()) {
    if (unary === undefined) continue;
    const targets = new Map<string, CallTarget>([['rest', { ...unary, dialect: restDialect }]]);
    for (const [contentType, dialect] of dialects.byContentType) {
      targets.set(contentType, { ...unary, dialect });
    }
    byPath.set(path, targets);
    byMethod.set(unary.method, targets);
  }
  return { byPath, byMethod };
}

function dispatchOther(ways: Ways, exchange: UniversalExchange): void {
  const { verb, target } = exchange;
  const queryAt = target.indexOf('?');
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const origin = headerOf(exchange.headers, 'origin');
  if (isPreflight(verb, origin, headerOf(exchange.headers, 'access-control-request-method'))) {
    const { status, headers } = preflightAnswer(ways.cors, origin ?? '', exchange.authority);
    exchange.answer({
      status,
      headers: Object.entries(headers).flat(),
      body: undefined,
      trailers: undefined,
    });
    return;
  }
  if (verb === 'CONNECT') {
    exchange.answer(notImplemented);
    return;
  }
  const entry = ways.methods.byPath.get(path);
  if (entry !== undefined) {
    dispatchRpc(ways, exchange, entry);
    return;
  }
  const match = ways.methods.routes.match(verb, path);
  if (match !== undefined) {
    dispatchRoute(ways, exchange, match);
    return;
  }
  const probing = verb === 'GET' || verb === 'HEAD' ? probe(path, ways.probes) : undefined;
  if (probing === undefined) exchange.answer(notFound(exchange, path));
  else void answerProbe(exchange, probing);
}

function dispatchRpc(ways: Ways, exchange: UniversalExchange, { unary, isSafe, path }: MethodEntry): void {
  const contentType = exchange.headers['content-type'];
  const isGet = exchange.verb === 'GET' && isSafe && unary !== undefined;
  if (isGet) {
    ways.adapter(path, exchange);
  } else if (exchange.verb !== 'POST') {
    exchange.answer(wrongVerb(exchange, 'rpc', isSafe && unary !== undefined ? ['GET', 'POST'] : ['POST']));
  } else if (unary === undefined) {
    if (isStreamContentType(contentType)) ways.adapter(path, exchange);
    else exchange.answer(unsupportedMediaType(streamContentTypes));
  } else {
    const dialect = ways.dialects.of(contentType);
    if (dialect === undefined) exchange.answer(unsupportedMediaType(ways.dialects.contentTypes));
    else ways.lane.start({ ...unary, dialect }, undefined, exchange);
  }
}

function dispatchRoute(ways: Ways, exchange: UniversalExchange, match: RouteMatch): void {
  if (match.kind === 'bad-path') {
    exchange.answer(badPath(exchange, match.reason));
    return;
  }
  if (match.kind === 'wrong-verb') {
    exchange.answer(wrongVerb(exchange, 'rest', match.allow));
    return;
  }
  const named = ways.dialects.of(exchange.headers['content-type'])?.contentType;
  // JSON on a REST path is REST's own; so is whatever names no dialect of RPC.
  const isRest = named === undefined || named === 'application/json';
  const target = ways.byMethod.get(match.route.method)?.get(isRest ? 'rest' : named);
  if (target === undefined) throw new Error(`the route ${match.route.template} leads to no unary method`);
  ways.lane.start(target, match, exchange);
}

async function answerProbe(exchange: UniversalExchange, probing: ReturnType<typeof probe>): Promise<void> {
  const answer = await probing;
  if (answer === undefined) return;
  const reply: Reply = {
    status: answer.status,
    headers: ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store'],
    body: Buffer.from(answer.body),
    trailers: undefined,
  };
  exchange.answer(reply);
}
