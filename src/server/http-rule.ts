import type { DescField, DescMethod } from '@bufbuild/protobuf';

/** A variable of a path template: the request field it fills, from the message's own field down. */
export interface RouteVariable {
  readonly path: readonly DescField[];
  /** The name of the property to set where the field is a plain string of the request message itself. */
  readonly plainName: string | undefined;
}

/** One `google.api.http` binding of one method. */
export interface Route {
  readonly method: DescMethod;
  readonly verb: string;
  readonly template: string;
  readonly variables: readonly RouteVariable[];
  /** What the HTTP body fills: the whole request, one field of it, or nothing (query parameters fill the rest). */
  readonly body: '*' | DescField | undefined;
  /** The one field of the response that is answered, where `response_body` names one. */
  readonly responseBody: DescField | undefined;
}

/** What a path means. `fields` holds the decoded values of `route.variables`, in their order. */
export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly fields: readonly string[] }
  | { readonly kind: 'wrong-verb'; readonly allow: readonly string[] }
  | { readonly kind: 'bad-path'; readonly reason: string };

/** Finds the route of a request. */
export interface RouteTable {
  readonly routes: readonly Route[];
  /** `path` is the raw path, without the query. Answers undefined where no template has this path. */
  match(verb: string, path: string): RouteMatch | undefined;
}

/** Reads the routes off the methods' `google.api.http` options. Throws where two of them collide or one is malformed. */
export declare function compileRoutes(methods: readonly DescMethod[]): RouteTable;
