import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/** ESM through --experimental-vm-modules; swc strips the types. */
// No test uses the login of whoever runs it.
process.env.XDG_CONFIG_HOME = '/nonexistent';
// Threads and processes that tests start from the source begin with compiled code; Jest's own workers as well.
process.env.NODE_COMPILE_CACHE = join(import.meta.dirname, 'node_modules/.cache/latchkey');
enableCompileCache(process.env.NODE_COMPILE_CACHE);

export default {
  testEnvironment: 'node',
  // One PostgreSQL for all files, started by the first one that asks for it.
  globalSetup: '<rootDir>/test/support/postgres/setup.config.js',
  globalTeardown: '<rootDir>/test/support/postgres/teardown.config.js',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024', keepClassNames: true },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Three times what the longest takes that names no limit of its own, on a machine that others use too.
  testTimeout: 90_000,
  // Half of the time tests wait: for a lease, a schedule, a thread that stands back. Two would leave two processors idle.
  maxWorkers: 4,
  testSequencer: '<rootDir>/test/support/longest-first.config.js',
  // Modules that were loaded for a file are never given back: after so much, a worker is started anew.
  workerIdleMemoryLimit: '1GB',
};
