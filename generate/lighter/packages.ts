import { readFile } from 'node:fs/promises';

type Build = import('esbuild').PluginBuild;

/** What one package imports of another, and the module that it gets in its place: the same, but later or not at all. */
interface Lighter {
  readonly asks: RegExp;
  readonly of: string;
  readonly contents: string;
}

const lighter: readonly Lighter[] = [
  // The rules that a message needs are native; those in CEL beside them are a hundred, compiled for nobody.
  {
    asks: /\/@bufbuild\/protovalidate\//,
    of: '@bufbuild/cel',
    contents: `
      import { parse as parseNow, plan as planNow } from '@bufbuild/cel';
      export * from '@bufbuild/cel';
      export const parse = (expression) => expression;
      export const plan = (env, expression) => {
        let planned;
        return (bindings) => (planned ??= planNow(env, parseNow(expression)))(bindings);
      };`,
  },
  // The first address that is none of IPv6 has the longest regular expression of Node's compiled.
  {
    asks: /\/@grpc\/grpc-js\//,
    of: 'net',
    contents: `
      const net = process.getBuiltinModule('net');
      const isIPv6 = (text) => String(text).includes(':') && net.isIPv6(text);
      module.exports = Object.assign(Object.create(net), { isIPv6 });`,
  },
  // What serves, and what reads keys anew: no part of a client.
  ...['./server', './server-interceptors', './server-credentials', './certificate-provider'].map((of) => ({
    asks: /\/@grpc\/grpc-js\/build\/src\/(index|experimental)\.js$/,
    of,
    contents: `module.exports = new Proxy({}, { get: (_, name) => require('${of}.js')[name] });`,
  })),
  // Makes the expressions of all URLs when it is loaded.
  {
    asks: /\/src\/commands\/email-address\.ts$/,
    of: '@hapi/address',
    contents: `export const analyzeEmail = (...given) => require('@hapi/address').analyzeEmail(...given);`,
  },
];

/**
 * The generated code makes a client of each service, by a package that takes longer to load than a call; who uses none of
 * them does without it.
 */
export const lighterClients = {
  name: 'lighter clients',
  setup(build: Build) {
    const ofClients = /\/gen\/grpc-js\/.*\.ts$/;
    const namespace = 'clients';
    // A module of its own: of the package itself, which others import too, the first import says whether it has effects.
    build.onResolve({ filter: /^@grpc\/grpc-js$/ }, ({ path, importer, resolveDir }) =>
      ofClients.test(importer) ? { path, namespace, pluginData: resolveDir, sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /./, namespace }, ({ path, pluginData: resolveDir }) => ({
      contents: `export { makeGenericClientConstructor } from '${path}';`,
      resolveDir,
    }));
    build.onLoad({ filter: ofClients }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const makes = /(?<= = )(?=makeGenericClientConstructor\()/g;
      return { contents: text.replaceAll(makes, '/* @__PURE__ */ '), loader: 'ts' };
    });
  },
};

/** Packages whose work at start is for what few need, or nobody. What they answer is the same. */
export const lighterPackages = {
  name: 'lighter packages',
  setup(build: Build) {
    for (const [nth, { asks, of, contents }] of lighter.entries()) {
      const namespace = `lighter ${nth}`;
      build.onResolve({ filter: new RegExp(`^${RegExp.escape(of)}$`) }, ({ importer, resolveDir }) =>
        asks.test(importer) ? { path: of, namespace, pluginData: resolveDir } : undefined,
      );
      build.onLoad({ filter: /./, namespace }, ({ pluginData: resolveDir }) => ({ contents, resolveDir }));
    }
  },
};
