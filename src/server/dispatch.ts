import type { Adapter } from './adapter.ts';
import type { CallTarget } from './call.ts';
import { type CorsPolicy, isPreflight, preflightAnswer } from './cors.ts';
import { restDialect } from './dialect-rest.ts';
import { type DialectTable, isStreamContentType, streamContentTypes } from './dialect-table.ts';
import { headerOf, type Log, type NodeExchange, type Reply } from './exchange.ts';
import type { RouteMatch } from './http-rule.ts';
import type { Lane } from './lane.ts';
import { type MethodEntry, type MethodTable, pathOf } from './method-table.ts';
import { type ProbeDeps, probe } from './probes.ts';
import { badPath, notFound, unsupportedMediaType, wrongVerb } from './refusal.ts';

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
export function createDispatch(options: DispatchOptions): (exchange: NodeExchange) => void {
  const { methods, dialects, lane } = options;
  const targets = targetsOf(methods, dialects);
  return (exchange) => {
    try {
      const contentType = exchange.headers['content-type'] ?? '';
      const target = exchange.verb === 'POST' ? targets.get(exchange.target)?.get(contentType) : undefined;
      if (target !== undefined) lane.start(target, undefined, exchange);
      else dispatchOther(options, exchange);
    } catch (cause) {
      options.log('request.failed', { requestId: exchange.requestId, cause });
      exchange.answer({ status: 500, headers: [], body: undefined, trailers: undefined });
    }
  };
}

/** Every pair of RPC path and plain content type that leads into the lane, so that most calls need two look-ups. */
function targetsOf(
  { byPath }: MethodTable,
  { byContentType }: DialectTable,
): ReadonlyMap<string, ReadonlyMap<string, CallTarget>> {
  const targets = new Map<string, ReadonlyMap<string, CallTarget>>();
  for (const { path, unary } of byPath.values()) {
    if (unary === undefined) continue;
    const ofMethod = new Map<string, CallTarget>();
    for (const [contentType, dialect] of byContentType) ofMethod.set(contentType, { ...unary, dialect });
    targets.set(path, ofMethod);
  }
  return targets;
}

function dispatchOther(options: DispatchOptions, exchange: NodeExchange): void {
  const { verb, target } = exchange;
  const queryAt = target.indexOf('?');
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const origin = headerOf(exchange.headers, 'origin');
  if (isPreflight(verb, origin, headerOf(exchange.headers, 'access-control-request-method'))) {
    const { status, headers } = preflightAnswer(options.cors, origin ?? '', exchange.authority);
    exchange.answer({
      status,
      headers: Object.entries(headers).flat(),
      body: undefined,
      trailers: undefined,
    });
    return;
  }
  const entry = options.methods.byPath.get(path);
  if (entry !== undefined) {
    dispatchRpc(options, exchange, entry);
    return;
  }
  const match = options.methods.routes.match(verb, path);
  if (match !== undefined) {
    dispatchRoute(options, exchange, match);
    return;
  }
  const probing = verb === 'GET' || verb === 'HEAD' ? probe(path, options.probes) : undefined;
  if (probing === undefined) exchange.answer(notFound(exchange, path));
  else void answerProbe(exchange, probing);
}

function dispatchRpc(
  { dialects, lane, adapter }: DispatchOptions,
  exchange: NodeExchange,
  entry: MethodEntry,
) {
  const contentType = exchange.headers['content-type'];
  const { unary, isSafe, path } = entry;
  const isConnectGet = exchange.verb === 'GET' && isSafe && unary !== undefined;
  if (isConnectGet) {
    adapter(path, exchange);
  } else if (exchange.verb !== 'POST') {
    exchange.answer(wrongVerb(exchange, 'rpc', isSafe && unary !== undefined ? ['GET', 'POST'] : ['POST']));
  } else if (unary === undefined) {
    if (isStreamContentType(contentType)) adapter(path, exchange);
    else exchange.answer(unsupportedMediaType(streamContentTypes));
  } else {
    const dialect = dialects.of(contentType);
    if (dialect === undefined) exchange.answer(unsupportedMediaType(dialects.contentTypes));
    else lane.start({ ...unary, dialect }, undefined, exchange);
  }
}

function dispatchRoute(
  { methods, dialects, lane }: DispatchOptions,
  exchange: NodeExchange,
  match: RouteMatch,
) {
  if (match.kind === 'bad-path') {
    exchange.answer(badPath(exchange, match.reason));
    return;
  }
  if (match.kind === 'wrong-verb') {
    exchange.answer(wrongVerb(exchange, 'rest', match.allow));
    return;
  }
  const { route } = match;
  const unary = methods.byPath.get(pathOf(route.method))?.unary;
  if (unary === undefined) throw new Error(`the route ${route.template} leads to no unary method`);
  const named = dialects.of(exchange.headers['content-type']);
  // JSON on a REST path is REST's own; so is whatever names no dialect of RPC.
  const dialect = named === undefined || isJson(named.contentType) ? restDialect : named;
  lane.start({ ...unary, dialect }, match, exchange);
}

function isJson(contentType: string): boolean {
  return contentType === 'application/json';
}

async function answerProbe(exchange: NodeExchange, probing: ReturnType<typeof probe>): Promise<void> {
  const answer = await probing;
  if (answer === undefined) return;
  const reply: Reply = {
    status: answer.status,
    headers: ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store'],
    body: exchange.verb === 'HEAD' ? undefined : Buffer.from(answer.body),
    trailers: undefined,
  };
  exchange.answer(reply);
}
