import { type Command, connectionOptions } from '../command.ts';

const { url, ca, timeout } = connectionOptions;

/** `latchkey login`, `logout`, `whoami`. */
export const loginCommands: readonly Command[] = [
  {
    path: 'login',
    operands: '[URL]',
    operandsMax: 1,
    summary: 'Keep the URL of a server and a token for later calls, when the server has taken them',
    readsSecret: true,
    notes: [
      'Asks for what is missing at a terminal; elsewhere the token is all of stdin, or of --token-file.',
      'Kept in latchkey/login.json of $XDG_CONFIG_HOME or ~/.config, mode 0600. Options go before the environment, and that before it.',
    ],
    options: {
      url: { ...url, help: 'the same as the operand (LATCHKEY_URL)' },
      'token-file': { value: 'FILE', help: 'file that holds the token' },
      ca,
      timeout,
    },
    json: 'document',
    examples: ['latchkey login', 'latchkey login https://latchkey.example --token-file token'],
    run: async (context) => (await work()).login(context),
  },
  {
    path: 'logout',
    operands: '',
    operandsMax: 0,
    summary: 'Forget what login keeps; the token itself goes on until it is revoked',
    options: {},
    json: 'document',
    examples: ['latchkey logout'],
    run: async (context) => (await work()).logout(context),
  },
  {
    path: 'whoami',
    operands: '',
    operandsMax: 0,
    summary: 'Show who the caller is, what they may do, and where URL and token come from',
    options: connectionOptions,
    json: 'document',
    examples: ['latchkey whoami', 'latchkey whoami --json'],
    run: async (context) => (await work()).whoami(context),
  },
];

/** Loaded when it is to be done. */
const work = () => import('../login/login.ts');
