import { Code } from '@connectrpc/connect';
import { type Answers, type DoorMeasures, otherName, type RpcSystem } from '../ops/measures.ts';
import { checked, createConditionalLane, type Rehearse, underConditions } from './conditional.ts';
import type { Dialect } from './dialects/dialect.ts';
import { restDialect } from './dialects/rest.ts';
import { type DialectTable, isStreamContentType, streamContentTypes } from './dialects/table.ts';
import { unmetBy } from './http/condition.ts';
import { type CorsPolicy, isPreflight, preflightAnswer } from './http/cors.ts';
import { headerOf, type Log, type Reply, type UniversalExchange } from './http/exchange.ts';
import type { CallTarget } from './lane/call.ts';
import type { Lane } from './lane/lane.ts';
import type { MethodEntry, MethodTable } from './lane/method-table.ts';
import type { Page, Pages } from './pages/page.ts';
import { type ProbeDeps, probe } from './probes.ts';
import {
  badPath,
  flawed,
  isRpcPath,
  noTrailers,
  notFound,
  notImplemented,
  preconditionFailed,
  unsupportedMediaType,
  wrongVerb,
} from './refusal.ts';
import type { Route, RouteMatch } from './routes/http-rule.ts';
import type { Adapter } from './streams/adapter.ts';

/** Where a request can go. */
export interface DispatchOptions {
  readonly methods: MethodTable;
  readonly dialects: DialectTable;
  readonly lane: Pick<Lane, 'start'>;
  readonly rehearse: Rehearse;
  readonly adapter: Adapter;
  readonly cors: CorsPolicy;
  readonly probes: ProbeDeps;
  /** What is here beside the calls; undefined: nothing. */
  readonly pages?: Pages | undefined;
  readonly measures: DoorMeasures;
  readonly log: Log;
}

/** Sends each request where its path and content type say: the path decides the method, the content type the dialect. */
export function createDispatch(options: DispatchOptions): (exchange: UniversalExchange) => void {
  const ways: Ways = { ...options, ...targetsOf(options) };
  const conditional: Ways = { ...ways, ...underCondition(options) };
  return (exchange) => {
    try {
      if (exchange.flaw !== undefined || exchange.httpVersion === '1.0') {
        const refusal = refusalOf(exchange);
        if (refusal !== undefined) {
          refuse(ways, exchange, refusal);
          return;
        }
      }
      if (exchange.isConditional) {
        dispatchOther(conditional, exchange);
        return;
      }
      const contentType = exchange.headers['content-type'] ?? '';
      const target =
        exchange.verb === 'POST' ? ways.byPath.get(exchange.target)?.get(contentType) : undefined;
      if (target !== undefined) ways.lane.start(target, undefined, exchange);
      else dispatchOther(ways, exchange);
    } catch (cause) {
      options.log('request.failed', { requestId: exchange.requestId, cause });
      options.measures.httpAnswers(exchange.verb, '').answered(Code.Internal, 500, performance.now());
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

/** Where conditions are looked at: everywhere that may answer with success. */
function underCondition(options: DispatchOptions): Pick<Ways, 'lane' | 'adapter' | 'pages' | 'checked'> {
  const { adapter, pages } = options;
  return {
    lane: createConditionalLane(options),
    adapter(path, exchange) {
      // Whatever becomes of a stream, HTTP calls it a success.
      if (unmetBy(exchange, false) === undefined) adapter(path, exchange);
      else exchange.answer(preconditionFailed(exchange));
    },
    pages: pages && { find: (path, verb) => underConditions(pages.find(path, verb), path) },
    checked,
  };
}

/** What the lane takes of one method, by the plain content type; of a route, REST's under `rest`. */
type Targets = ReadonlyMap<string, CallTarget>;

interface Ways extends DispatchOptions {
  readonly byPath: ReadonlyMap<string, Targets>;
  readonly byRoute: ReadonlyMap<Route, Targets>;
  /** What is answered in the place of a reply that says what is there. */
  readonly checked?: typeof checked;
}

// Made once, so that most calls need two look-ups and no object.
function targetsOf({ methods, dialects, measures }: DispatchOptions): Pick<Ways, 'byPath' | 'byRoute'> {
  const byPath = new Map<string, Targets>();
  const byRoute = new Map<Route, Targets>();
  for (const { path, unary } of methods.byPath.values()) {
    if (unary === undefined) continue;
    const targets = new Map<string, CallTarget>();
    for (const [contentType, dialect] of dialects.byContentType) {
      const answers = measures.rpcAnswers(rpcSystemOf(dialect), path.slice(1));
      targets.set(contentType, { ...unary, dialect, answers });
    }
    byPath.set(path, targets);
    for (const route of methods.routes.routes) {
      if (route.method !== unary.method) continue;
      const answers = measures.httpAnswers(route.verb, route.template);
      byRoute.set(route, new Map(targets).set('rest', { ...unary, dialect: restDialect, answers }));
    }
  }
  return { byPath, byRoute };
}

function dispatchOther(ways: Ways, exchange: UniversalExchange): void {
  const { verb, target } = exchange;
  const queryAt = target.indexOf('?');
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const origin = headerOf(exchange.headers, 'origin');
  if (isPreflight(verb, origin, headerOf(exchange.headers, 'access-control-request-method'))) {
    const { status, headers } = preflightAnswer(ways.cors, origin ?? '', exchange.authority);
    const pairs = Object.entries(headers).flat();
    refuse(ways, exchange, { status, headers: pairs, body: undefined, trailers: undefined });
    return;
  }
  if (verb === 'CONNECT') {
    refuse(ways, exchange, notImplemented);
    return;
  }
  const entry = ways.methods.byPath.get(path);
  if (entry !== undefined) {
    dispatchRpc(ways, exchange, entry);
    return;
  }
  // RFC 9110 §9.3.2: HEAD is GET without the body, which the exchange leaves out.
  const match = ways.methods.routes.match(verb === 'HEAD' ? 'GET' : verb, path);
  if (match !== undefined) {
    dispatchRoute(ways, exchange, match);
    return;
  }
  const page = ways.pages?.find(path, verb);
  if (page !== undefined) {
    void answerPage(ways, exchange, page);
    return;
  }
  const probing = verb === 'GET' || verb === 'HEAD' ? probe(path, ways.probes) : undefined;
  if (probing === undefined)
    refuse(ways, exchange, notFound(exchange, path), isRpcPath(path) ? otherName : undefined);
  else void answerProbe(ways, exchange, { probing, answers: ways.measures.httpAnswers(verb, path) });
}

function dispatchRpc(ways: Ways, exchange: UniversalExchange, { unary, isSafe, path }: MethodEntry): void {
  const contentType = exchange.headers['content-type'];
  const isGet = exchange.verb === 'GET' && isSafe && unary !== undefined;
  if (!isGet && exchange.verb !== 'POST') {
    const allow = isSafe && unary !== undefined ? ['GET', 'POST'] : ['POST'];
    refuse(ways, exchange, wrongVerb(exchange, 'rpc', allow), path.slice(1));
  } else if (unary === undefined) {
    if (isStreamContentType(contentType)) ways.adapter(path, exchange);
    else refuse(ways, exchange, unsupportedMediaType(streamContentTypes));
  } else {
    const dialect = isGet ? ways.dialects.ofQuery(exchange.target) : ways.dialects.of(contentType);
    if (dialect === undefined) refuse(ways, exchange, unsupportedMediaType(ways.dialects.contentTypes));
    else {
      const answers = ways.measures.rpcAnswers(rpcSystemOf(dialect), path.slice(1));
      ways.lane.start({ ...unary, dialect, answers }, undefined, exchange);
    }
  }
}

function dispatchRoute(ways: Ways, exchange: UniversalExchange, match: RouteMatch): void {
  if (match.kind === 'bad-path') {
    refuse(ways, exchange, badPath(exchange, match.reason));
    return;
  }
  if (match.kind === 'wrong-verb') {
    const allow = match.allow.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
    refuse(ways, exchange, wrongVerb(exchange, 'rest', allow));
    return;
  }
  const named = ways.dialects.of(exchange.headers['content-type'])?.contentType;
  // JSON on a REST path is REST's own; so is whatever names no dialect of RPC.
  const isRest = named === undefined || named === 'application/json';
  const target = ways.byRoute.get(match.route)?.get(isRest ? 'rest' : named);
  if (target === undefined) throw new Error(`the route ${match.route.template} leads to no unary method`);
  ways.lane.start(target, match, exchange);
}

/** Counted as a call where the client speaks a dialect of RPC and meant a method, else as a request that leads nowhere. */
function refuse(ways: Ways, exchange: UniversalExchange, reply: Reply, method?: string): void {
  const { verb, headers } = exchange;
  const dialect =
    verb === 'POST' && method !== undefined ? ways.dialects.of(headers['content-type']) : undefined;
  const answers =
    dialect === undefined || method === undefined
      ? ways.measures.httpAnswers(verb, '')
      : ways.measures.rpcAnswers(rpcSystemOf(dialect), method);
  answers.answered(Code.Unimplemented, reply.status, performance.now());
  exchange.answer(reply);
}

function rpcSystemOf({ protocolName }: Dialect): RpcSystem {
  return protocolName === 'connect' ? 'connectrpc' : 'grpc';
}

async function answerPage(ways: Ways, exchange: UniversalExchange, page: Page): Promise<void> {
  const startedMs = performance.now();
  const answers = ways.measures.httpAnswers(exchange.verb, page.template);
  try {
    const found = await page.answer(exchange);
    const reply = ways.checked?.(exchange, found) ?? found;
    answers.answered(0, reply.status, startedMs);
    exchange.answer(reply);
  } catch (cause) {
    ways.log('page.failed', { requestId: exchange.requestId, cause });
    answers.answered(Code.Internal, 500, startedMs);
    exchange.abandon();
  }
}

async function answerProbe(
  { checked }: Ways,
  exchange: UniversalExchange,
  { probing, answers }: { readonly probing: ReturnType<typeof probe>; readonly answers: Answers },
): Promise<void> {
  const startedMs = performance.now();
  const answer = await probing;
  if (answer === undefined) return;
  const found: Reply = {
    status: answer.status,
    headers: ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store'],
    body: Buffer.from(answer.body),
    trailers: undefined,
  };
  const reply = checked?.(exchange, found) ?? found;
  answers.answered(0, reply.status, startedMs);
  exchange.answer(reply);
}
