import { expect, test } from '@jest/globals';
import { systemCaller } from '../../src/auth/caller.ts';
import { createUnderWay } from '../../src/auth/under-way.ts';
import { createListGate } from '../../src/store/sql/list-gate.ts';

const caller = systemCaller('somebody');
/** What follows from what is known already, without any time passing. */
const settled = () => new Promise((resolve) => process.nextTick(resolve));

/** Works that go on until they are told to end. */
function openWorks(count: number) {
  const others = { count: 0 };
  const admit = createUnderWay({ max: 12, besideMax: 3, others });
  const ends: (() => void)[] = [];
  let begun = 0;
  let awaited: (() => void) | undefined;
  const done = Promise.all(
    Array.from({ length: count }, () =>
      admit(caller, () => {
        begun += 1;
        awaited?.();
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    ),
  );
  return {
    others,
    done,
    begun: () => begun,
    async end(some: number) {
      for (const end of ends.splice(0, some)) end();
      await settled();
    },
    async begin(some: number) {
      while (begun < some) {
        await new Promise<void>((resolve) => {
          awaited = resolve;
        });
      }
    },
  };
}

test('where nobody else calls, the next one begins as soon as one has ended', async () => {
  const works = openWorks(20);
  await settled();
  expect(works.begun()).toBe(12);
  await works.end(5);
  expect(works.begun()).toBe(17);
  await works.end(15);
  await works.end(20);
  await works.done;
});

test('beside others a few begin, and the next few after a rest', async () => {
  const works = openWorks(18);
  await settled();
  works.others.count += 1;
  await works.end(11);
  expect(works.begun()).toBe(12);
  await works.end(1);
  expect(works.begun()).toBe(12);
  await works.begin(13);
  await settled();
  expect(works.begun()).toBe(15);
  await works.end(2);
  expect(works.begun()).toBe(15);
  await works.end(1);
  expect(works.begun()).toBe(15);
  await works.begin(16);
  await works.end(3);
  await works.done;
});

test('work that fails gives its place on', async () => {
  const admit = createUnderWay({ max: 1, besideMax: 1, others: { count: 0 } });
  const failed = admit(caller, () => Promise.reject(new Error('as it should')));
  const next = admit(caller, () => Promise.resolve('done'));
  await expect(failed).rejects.toThrow('as it should');
  expect(await next).toBe('done');
});

test('a list of whoever has asked for more is followed by a rest, which others need not wait for', async () => {
  const gate = createListGate({ placesMax: 2, waitingMax: 10, timeoutMs: 10_000 });
  const entered: string[] = [];
  const enter = async (by: string) => {
    const place = await gate.enter({ by: [by] });
    entered.push(by);
    return place;
  };
  const first = await enter('many');
  const second = enter('many');
  first[Symbol.dispose]();
  const other = await enter('other');
  expect(entered).toEqual(['many', 'other']);
  other[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  // Nobody waits: no rest.
  (await enter('many'))[Symbol.dispose]();
  expect(entered).toEqual(['many', 'other', 'many', 'many']);
  gate.close();
});
