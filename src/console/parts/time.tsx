import { useNow } from '../state/clock.ts';
import { absoluteWords, durationWords, roughly } from '../words.ts';

/** "5 minutes ago", and the time itself with its zone. */
export function Since({ ms }: { readonly ms: number | undefined }) {
  const now = useNow();
  if (ms === undefined) return <span>not known</span>;
  return (
    <time dateTime={new Date(ms).toISOString()}>
      {now - ms < 1_000 ? 'just now' : `${roughly(now - ms)} ago`}
      <small>{absoluteWords(ms)}</small>
    </time>
  );
}

/** A countdown, and the time itself with its zone. */
export function Until({ ms }: { readonly ms: number | undefined }) {
  const now = useNow();
  if (ms === undefined) return <span>somebody unlocks</span>;
  return (
    <time dateTime={new Date(ms).toISOString()}>
      {ms <= now ? 'over' : `${durationWords(ms - now)} left`}
      <small>{absoluteWords(ms)}</small>
    </time>
  );
}
