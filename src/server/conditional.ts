import type { DescMethodUnary } from '@bufbuild/protobuf';
import { Code, ConnectError, type UnaryRequest, type UnaryResponse } from '@connectrpc/connect';
import { conditionFalse, isConditionFalse } from '../rpc/connect-error.ts';
import type { Dialect } from './dialects/dialect.ts';
import { restDialect } from './dialects/rest.ts';
import { asksIfThere, type Unmet, unmetBy } from './http/condition.ts';
import type { Exchange, Reply } from './http/exchange.ts';
import { Call, type CallRunner, type CallTarget } from './lane/call.ts';
import type { Lane } from './lane/lane.ts';
import { type MethodTable, pathOf } from './lane/method-table.ts';
import type { UnaryRunner } from './lane/unary-runner.ts';
import { isRead, type Page } from './pages/page.ts';

/** Carries out a call of the method but for what it would change: throws conditionFalse at the first change. */
export type Rehearse = (method: DescMethodUnary) => UnaryRunner;

/** What calls under a condition need of their door. */
export interface ConditionalOptions {
  readonly lane: Pick<Lane, 'start'>;
  readonly methods: MethodTable;
  readonly rehearse: Rehearse;
}

/**
 * The lane for calls with If-Match or If-None-Match. RFC 9110 §13.2.1: a condition counts only where the call would
 * succeed without it, and nothing may be done where it fails. So a call whose condition fails is rehearsed: with the
 * same refusals in the same order, as far as the first change.
 */
export function createConditionalLane(options: ConditionalOptions): Pick<Lane, 'start'> {
  return {
    start(target, match, exchange) {
      let unmet: Unmet | undefined;
      const run = async (request: UnaryRequest): Promise<UnaryResponse> => {
        const isThere =
          isRead(exchange.verb) ||
          (match !== undefined && (await isResourceThere(options, exchange, target)));
        unmet = unmetBy(exchange, isThere);
        if (unmet === undefined) return target.run(request);
        await options.rehearse(target.method)(request);
        throw conditionFalse();
      };
      const dialect = tellingUnmet(target.dialect, () => unmet);
      options.lane.start({ ...target, run, dialect }, match, exchange);
    },
  };
}

/** In HTTP's own status, where the dialect uses that for errors: gRPC says it in its own. */
function tellingUnmet(dialect: Dialect, unmet: () => Unmet | undefined): Dialect {
  return {
    ...dialect,
    failure(call, error) {
      const reply = dialect.failure(call, error);
      const status = unmet();
      if (status === undefined || reply.status === 200 || !isConditionFalse(error)) return reply;
      return unmetReply(status, reply);
    },
  };
}

/** Whether GET of the same path would be answered with something, to this caller. */
async function isResourceThere(
  { methods, rehearse }: ConditionalOptions,
  exchange: Exchange,
  { answers }: CallTarget,
): Promise<boolean> {
  const [path = ''] = exchange.target.split('?');
  const match = asksIfThere(exchange) ? methods.routes.match('GET', path) : undefined;
  if (match?.kind !== 'found') return false;
  const unary = methods.byPath.get(pathOf(match.route.method))?.unary;
  if (unary === undefined) return false;
  const target: CallTarget = { ...unary, run: rehearse(unary.method), dialect: restDialect, answers };
  const call = new Call(target, match, exchange, bodiless);
  try {
    await call.run(call);
    return true;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return false;
    throw error;
  }
}

const nothing = () => undefined;
const bodiless: CallRunner = {
  read: (call) => restDialect.decode(call, Buffer.alloc(0)),
  serve: nothing,
  fail: nothing,
  drop: nothing,
};

/** The page, at which nothing is done where a condition is not met. */
export function underConditions(page: Page | undefined, path: string): Page | undefined {
  if (page === undefined) return undefined;
  const { template, acts } = page;
  return {
    template,
    async answer(exchange) {
      const isThere = isRead(exchange.verb) ? undefined : acts?.get(path);
      const unmet = isThere === undefined ? undefined : unmetBy(exchange, isThere);
      return unmet === undefined ? page.answer(exchange) : unmetReply(unmet);
    },
  };
}

/** What is answered to a read, if its conditions hold. */
export function checked(exchange: Exchange, reply: Reply): Reply {
  const isFound = isRead(exchange.verb) && reply.status >= 200 && reply.status < 300;
  const unmet = isFound ? unmetBy(exchange, true) : undefined;
  return unmet === undefined ? reply : unmetReply(unmet, { ...reply, body: undefined });
}

const bare: Reply = { status: 412, headers: [], body: undefined, trailers: undefined };

/** RFC 9110 §15.4.5: of what stands in the place of content, 304 says nothing. */
function unmetReply(status: Unmet, reply = bare): Reply {
  if (status === 412 && reply.body !== undefined) return { ...reply, status };
  const headers = reply.headers.filter((_, at) => !/^content-/.test(reply.headers[at - (at % 2)] ?? ''));
  return { status, headers, body: undefined, trailers: undefined };
}
