import type { DescMethod, DescMethodUnary } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { createServiceImplSpec } from '@connectrpc/connect';
import type { DeskService } from '../../rpc/desk.ts';
import { compileRoutes, type RouteTable } from '../routes/http-rule.ts';
import { type CallSteps, createUnaryRunner, type UnaryRunner } from './unary-runner.ts';

/** One method behind its RPC path. */
export interface MethodEntry {
  readonly path: string;
  readonly method: DescMethod;
  /** Undefined for streams, which the adapter serves. */
  readonly unary: UnaryEntry | undefined;
  /** Whether Connect may call it with GET. */
  readonly isSafe: boolean;
}

/** What the lane runs. */
export interface UnaryEntry {
  readonly method: DescMethodUnary;
  readonly run: UnaryRunner;
  readonly asksHeaders: boolean;
  readonly messageBytesMax: number;
}

/** How many bytes one request message may have. */
export interface MessageLimits {
  messageBytesMaxOf(method: DescMethod): number;
}

/** Every way to a method. */
export interface MethodTable {
  readonly byPath: ReadonlyMap<string, MethodEntry>;
  readonly routes: RouteTable;
}

/** Reads the paths of all methods off their descriptors. Throws where two of them collide. */
export function createMethodTable(
  services: readonly DeskService[],
  steps: CallSteps & MessageLimits,
): MethodTable {
  const byPath = new Map<string, MethodEntry>();
  const asksHeaders = steps.headerInterceptors.length > 0;
  for (const { desc, implementation } of services) {
    const { methods } = createServiceImplSpec(desc, implementation);
    for (const spec of Object.values(methods)) {
      const { method } = spec;
      const path = pathOf(method);
      if (byPath.has(path)) throw new Error(`${path} is mounted twice`);
      const isSafe = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
      const unary =
        spec.kind === 'unary'
          ? {
              method: spec.method,
              run: createUnaryRunner(spec.method, spec.impl, steps),
              asksHeaders,
              messageBytesMax: steps.messageBytesMaxOf(method),
            }
          : undefined;
      byPath.set(path, { path, method, unary, isSafe });
    }
  }
  const unaryMethods = [...byPath.values()].flatMap(({ unary }) =>
    unary === undefined ? [] : [unary.method],
  );
  return { byPath, routes: compileRoutes(unaryMethods) };
}

/** `/package.Service/Method`. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
