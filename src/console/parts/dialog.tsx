import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The browser's own dialog: it holds the focus, and Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // The browser gives the focus back where it closes a dialog itself, and not where it is taken off the page.
      if (opener instanceof HTMLElement) requestAnimationFrame(() => opener.isConnected && opener.focus());
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** The last row of a dialog that has nothing more to ask. */
export function CloseButton({ children = 'Close' }: { readonly children?: ComponentChildren }) {
  return (
    <button type="button" onClick={(event) => event.currentTarget.closest('dialog')?.close()}>
      {children}
    </button>
  );
}
