import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { CloseButton } from '../parts/dialog.tsx';
import { Failure } from '../parts/failure.tsx';
import { errorText } from '../state/api.ts';

/** What goes into the record, in the person's own words. */
export function ReasonField({ required }: { readonly required: boolean }) {
  return (
    <label>
      Reason {required ? '' : '(may be left out)'}
      <textarea name="reason" required={required} maxLength={500} rows={2} />
    </label>
  );
}

/** A field's text; empty where nothing is written. */
export function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim();
}

interface AskFormProps {
  /** On the button. */
  readonly verb: string;
  readonly kind?: 'main' | 'danger';
  /** It stands in the page: there is nothing to close. */
  readonly isPart?: boolean;
  readonly children: ComponentChildren;
  /** Does it; what it throws is shown, and may be tried again. */
  readonly onSend: (form: FormData) => Promise<void>;
}

/** A form of a dialog: sent once, however often it is pressed. */
export function AskForm({ verb, kind = 'main', isPart = false, children, onSend }: AskFormProps) {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy || !(event.currentTarget instanceof HTMLFormElement)) return;
    setBusy(true);
    setFailure(undefined);
    onSend(new FormData(event.currentTarget))
      .catch((error: unknown) => setFailure(errorText(error)))
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit}>
      {children}
      {failure !== undefined && <Failure text={failure} />}
      <p class="buttons">
        <button type="submit" class={kind} aria-disabled={isBusy}>
          {isBusy ? 'One moment…' : verb}
        </button>
        {!isPart && <CloseButton>Cancel</CloseButton>}
      </p>
    </form>
  );
}
