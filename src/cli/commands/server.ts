import { helpOf, settings } from '../../app/settings.ts';
import { readVersion } from '../../app/version.ts';
import type { OptionSpecs } from '../arguments.ts';
import { type Command, type CommandContext, databaseOptions } from '../command.ts';

const serveOptions: OptionSpecs = {
  ...Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => {
      const { env, fallback } = setting;
      return [
        name,
        { value: 'VALUE', help: `${helpOf(setting)} (${env})`, ...(fallback !== '' && { fallback }) },
      ];
    }),
  ),
  demo: { help: 'fill an empty database with a few people, most of them locked' },
};

/** `latchkey serve`, `migrate`, `version`. */
export const serverCommands: readonly Command[] = [
  {
    path: 'serve',
    operands: '',
    operandsMax: 0,
    summary: 'Start the server; the first start makes database, organization and administrator',
    notes: [
      'SIGTERM ends it when the calls in flight have finished; SIGHUP reads the certificate again.',
      'Exit code 0 after SIGTERM; the first token is printed once and kept in the data folder, mode 0600.',
    ],
    options: serveOptions,
    json: 'none',
    examples: [
      'latchkey serve --demo',
      'latchkey serve --host 0.0.0.0 --port 8443 --tls-cert cert.pem --tls-key key.pem',
    ],
    run: explainServe,
  },
  {
    path: 'migrate',
    operands: '',
    operandsMax: 0,
    summary: 'Bring the database to the schema of this version, making it where there is none',
    options: databaseOptions,
    json: 'document',
    examples: ['latchkey migrate --db latchkey-data/latchkey.db'],
    run: migrate,
  },
  {
    path: 'version',
    operands: '',
    operandsMax: 0,
    summary: 'Print the version',
    options: {},
    json: 'document',
    examples: ['latchkey version'],
    run: async ({ output }) => {
      const latchkey = readVersion();
      await output.document({ latchkey, node: process.versions.node }, [
        `latchkey ${latchkey} (Node ${process.versions.node})`,
      ]);
    },
  },
];

/** main.ts starts servers without this room; what comes by here is wrong usage that the parser did not name. */
async function explainServe({ args }: CommandContext): Promise<void> {
  const flags = Object.keys(settings).flatMap((name) => {
    const value = args.text(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  const { parseServeConfig } = await import('../../app/config.ts');
  parseServeConfig(flags);
}

async function migrate({ args, output }: CommandContext): Promise<void> {
  const { databaseOf } = await import('../database.ts');
  const database = databaseOf(args);
  const { openApp } = await import('../../app/app.ts');
  const lines: string[] = [];
  // Who asks for it is who may: LATCHKEY_MIGRATE=never is for all that would do it by the way.
  await using app = await openApp({
    database,
    migrate: 'auto',
    onReport: ({ text }) => lines.push(text),
    passwordAttemptsMax: 0,
    logLevel: 'silent',
  });
  const isReady = await app.store.isReady();
  // Whoever stands in another folder than they think has just made a database there.
  const isEmpty = (await app.store.listOrganizations('all', firstRow)).total === 0;
  const { databaseName } = app;
  await output.document({ database: databaseName, isReady, isEmpty }, [
    ...lines,
    `${databaseName} has the schema of latchkey ${readVersion()}${isEmpty ? ', and is empty' : ''}`,
  ]);
}

const firstRow = { offset: 0, limit: 1, ascending: true };
