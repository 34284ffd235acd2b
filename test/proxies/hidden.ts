import { attacks } from '../smuggling/attacks.ts';
import { carryOut, type Target } from '../smuggling/drive.ts';

/** As many as a proxy sends to the server side by side, so that they share its connections. */
const atOnce = 6;

/**
 * Every attack through a proxy: a hidden request is done only where who sent it is answered to it, as to one of their own,
 * and whoever asks meanwhile gets their own answer. Anything else means that proxy and server disagree where a request ends.
 */
export async function hiddenRequests(target: Target): Promise<readonly string[]> {
  const problems: string[] = [];
  const left = [...attacks];
  const work = async (): Promise<void> => {
    for (let attack = left.shift(); attack !== undefined; attack = left.shift()) {
      const { isDone, isAnswered, mixedUp } = await carryOut(attack, target);
      if (isDone && !isAnswered) problems.push(`${attack.name}: done, and nobody was told`);
      problems.push(...mixedUp.map((victim) => `${attack.name}: ${victim}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return problems;
}
