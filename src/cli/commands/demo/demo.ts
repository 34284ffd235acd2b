import type { Command } from '../../command.ts';

/** `latchkey demo`. */
export const demoCommand: Command = {
  path: 'demo',
  operands: '',
  operandsMax: 0,
  summary: 'Play a lock from beginning to end, over every protocol, on a server that is gone afterwards',
  options: {},
  json: 'lines',
  notes: [
    'The server has a port and a temporary database of its own; nothing else on this machine is touched.',
  ],
  examples: ['latchkey demo'],
  run: async (context) => {
    const { playDemo } = await import('./play.ts');
    await playDemo(context);
  },
};
