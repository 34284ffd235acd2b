import { type Answers, type DoorMeasures, otherName, type RpcSystem, rpcSystems } from './measures.ts';
import { Histogram, type Labels, type Metric } from './registry.ts';

/** gRPC's status codes by their numbers. */
export const statusCodes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** On a server only these say that something is wrong with it (OpenTelemetry's conventions for gRPC). */
export const errorCodes: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** Upper bounds in seconds; most unlocks fall into the first three. */
const callSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const verbs: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Any other is counted as `_OTHER`. 499: the client left before the answer. */
const statuses = [
  200, 204, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 429, 431, 499, 500, 501, 503, 504,
];

/** Calls by method and code, requests by route and status: as many rows as the door names methods and routes. */
export function createCallMetrics(): DoorMeasures & { readonly metrics: readonly Metric[] } {
  const rpc = new Histogram(
    {
      name: 'rpc_server_call_duration_seconds',
      help: 'Calls of gRPC, gRPC-Web and Connect, from the headers to the answer, refused ones too.',
      unit: 'seconds',
    },
    { bounds: callSeconds, rows: [], shownAtZero: ({ rpc_status_code }) => rpc_status_code === 'OK' },
  );
  const http = new Histogram(
    {
      name: 'http_server_request_duration_seconds',
      help: 'Requests of REST, probes, and what leads nowhere, from the headers to the answer.',
      unit: 'seconds',
    },
    {
      bounds: callSeconds,
      rows: [],
      shownAtZero: (row) => row.http_route !== '' && row.http_response_status_code === '200',
    },
  );
  const rpcAnswers = remembered((system: RpcSystem, method) => {
    const base = rpc.addRows(statusCodes.map((code) => rpcRow(system, method, code)));
    return answersOf((code, _status, seconds) => rpc.observe(base + codeIndex(code), seconds));
  });
  const httpAnswers = remembered((verb, template) => {
    const base = http.addRows(
      [...statuses.map(String), otherName].map((status) => httpRow(verb, template, status)),
    );
    return answersOf((_code, status, seconds) => http.observe(base + statusIndex(status), seconds));
  });
  for (const system of rpcSystems) rpcAnswers(system, otherName);
  return {
    metrics: [rpc, http],
    rpcAnswers,
    httpAnswers: (verb, template) => httpAnswers(verbs.has(verb) ? verb : otherName, template),
  };
}

function remembered<Name extends string>(
  make: (name: Name, path: string) => Answers,
): (name: Name, path: string) => Answers {
  const made = new Map<string, Answers>();
  return (name, path) => {
    const key = `${name} ${path}`;
    const answers = made.get(key) ?? make(name, path);
    made.set(key, answers);
    return answers;
  };
}

function answersOf(observe: (code: number, status: number, seconds: number) => void): Answers {
  return {
    answered: (code, status, startedMs) => observe(code, status, (performance.now() - startedMs) / 1_000),
  };
}

// A number that gRPC does not have is 2, UNKNOWN.
const codeIndex = (code: number) => (code >= 0 && code < statusCodes.length ? code : 2);

function statusIndex(status: number): number {
  const found = statuses.indexOf(status);
  return found === -1 ? statuses.length : found;
}

function rpcRow(system: RpcSystem, method: string, code: string): Labels {
  return {
    rpc_system_name: system,
    rpc_method: method,
    rpc_status_code: code,
    error_type: errorCodes.has(code) ? code : '',
  };
}

function httpRow(verb: string, template: string, status: string): Labels {
  return {
    http_request_method: verb,
    http_route: template,
    http_response_status_code: status,
    error_type: status.startsWith('5') ? status : '',
  };
}
