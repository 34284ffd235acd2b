import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { createLogText } from '../../src/app/log/text.ts';
import { createOutput, jsonLine } from '../../src/cli/output.ts';
import { visible } from '../../src/domain/visible.ts';

const joiners = ['\u200c', '\u200d'];
/** All that moves or hides what stands beside it, the highest plane included. */
const unseen = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((character) => /[\p{Bidi_Control}\p{Cf}\p{Cc}\p{Zl}\p{Zp}]/u.test(character));

/** Those of them that are shown as they are. */
const shownAsTheyAre = (show: (text: string) => string): readonly string[] =>
  unseen.filter((character) => show(`a${character}b`).includes(character));

function logLine(text: string): string {
  const err = { message: text, stack: `Error: a\n    at ${text}` };
  const record = { level: 'warn', time: '2026-11-26T02:18:16.964Z', reason: text, err, msg: text };
  return createLogText()(JSON.stringify(record)).replaceAll('\n    ', '').replace(/\n$/, '');
}

async function tableOf(text: string): Promise<string> {
  let shown = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      shown += String(chunk);
      done();
    },
  });
  const output = createOutput({ stdout, stderr: stdout, isJson: false });
  await output.document({}, [text]);
  return shown.replace(/\n$/, '');
}

describe('what has no shape but turns or hides others', () => {
  test('is known, marks of direction and what lies beyond the basic plane included', () => {
    const some = [
      '\u200e',
      '\u200f',
      '\u061c',
      '\u202e',
      '\u2066',
      '\u00ad',
      '\ufeff',
      '\u{e0001}',
      '\u001b',
    ];
    expect(unseen).toEqual(expect.arrayContaining(some));
  });

  test('is an escape in the log for eyes, in a fact, a message, an error and its stack', () => {
    expect(shownAsTheyAre(logLine)).toEqual(joiners);
  });

  test('is an escape in what the command line shows, and in its JSON', async () => {
    const all = unseen.join('');
    const shown = await tableOf(all);
    expect(unseen.filter((character) => shown.includes(character))).toEqual(joiners);
    const json = jsonLine({ name: all }).slice(0, -1);
    expect(unseen.filter((character) => json.includes(character))).toEqual(joiners);
    expect(JSON.parse(json)).toEqual({ name: all });
  });

  test('is told from what people write: letters, joined ones too, and emoji', () => {
    const names = ['Zoë', 'می‌خواهم', '👩‍👩‍👧', 'שלום', 'नमस्ते'];
    expect(names.map(visible)).toEqual(names);
  });
});
