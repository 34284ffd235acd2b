import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { useMemo, useState } from 'preact/hooks';
import { Dialog } from '../parts/dialog.tsx';
import { locks, newRequestId } from '../state/api.ts';
import { serverNow, useNow } from '../state/clock.ts';
import { absoluteWords } from '../words.ts';
import { AskForm, ReasonField, textOf } from './reason.tsx';
import { type Subject, Whom } from './unlock.tsx';

const hourMs = 3_600_000;

/** How long a lock is to last; undefined: until somebody unlocks. */
const presets: readonly { readonly text: string; readonly untilMs: (now: number) => number | undefined }[] = [
  { text: 'Until somebody unlocks', untilMs: () => undefined },
  { text: 'For an hour', untilMs: (now) => now + hourMs },
  { text: 'Until the end of the day', untilMs: (now) => new Date(now).setHours(24, 0, 0, 0) },
  { text: 'For a day', untilMs: (now) => now + 24 * hourMs },
  { text: 'For a week', untilMs: (now) => now + 7 * 24 * hourMs },
];

interface LockProps {
  readonly person: Subject;
  readonly reasonRequired: boolean;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Locks somebody, for a time or until somebody unlocks. */
export function LockDialog({ person, reasonRequired, onDone, onClose }: LockProps) {
  const requestId = useMemo(newRequestId, []);
  const [chosen, setChosen] = useState(0);
  const now = useNow();
  const untilMs = presets[chosen]?.untilMs(now);
  const send = async (form: FormData) => {
    const end = presets[chosen]?.untilMs(serverNow());
    await locks.lockUser({
      ...{ userId: person.userId, requestId, reason: textOf(form, 'reason') },
      ...(end !== undefined && { until: timestampFromMs(end) }),
    });
    onDone();
    onClose();
  };
  return (
    <Dialog title={`Lock ${person.name || person.loginName}`} onClose={onClose}>
      <Whom person={person} />
      <AskForm verb="Lock" kind="danger" onSend={send}>
        <p>
          They are signed out everywhere at once, and all their tokens end. Unlocking brings none of it back.
        </p>
        <fieldset>
          <legend>How long?</legend>
          {presets.map(({ text }, index) => (
            <label key={text} class="choice">
              <input type="radio" name="until" checked={chosen === index} onChange={() => setChosen(index)} />
              {text}
            </label>
          ))}
        </fieldset>
        <p class="hint">
          {untilMs === undefined
            ? 'It does not end by itself.'
            : `It ends by itself: ${absoluteWords(untilMs)}.`}
        </p>
        <ReasonField required={reasonRequired} />
      </AskForm>
    </Dialog>
  );
}
