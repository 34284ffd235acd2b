import type { ComponentChildren } from 'preact';
import { announce } from './notices.tsx';

interface ActionProps {
  /** Why it may not be pressed; undefined: it may. */
  readonly whyNot: string | undefined;
  readonly onPress: () => void;
  readonly children: ComponentChildren;
  readonly kind?: 'main' | 'danger';
  readonly label?: string;
}

/** A button that is never hidden: one that may not be pressed says why, to whoever points at it, reaches it or presses it. */
export function Action({ whyNot, onPress, children, kind, label }: ActionProps) {
  return (
    <button
      type="button"
      class={kind}
      aria-disabled={whyNot !== undefined}
      aria-label={label}
      aria-description={whyNot}
      title={whyNot}
      onClick={() => (whyNot === undefined ? onPress() : announce(whyNot))}
    >
      {children}
    </button>
  );
}
