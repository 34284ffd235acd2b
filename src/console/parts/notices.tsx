import { useLayoutEffect, useState } from 'preact/hooks';

let show: (text: string) => void = () => undefined;

const shownMs = 8_000;

/** Says it at the edge of the page, and to screen readers. */
export function announce(text: string): void {
  show(text);
}

/** Where announcements appear. */
export function Notices() {
  const [text, setText] = useState('');
  useLayoutEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    show = (next) => {
      clearTimeout(timer);
      setText(next);
      timer = setTimeout(() => setText(''), shownMs);
    };
  }, []);
  return (
    <div class="notices" role="status">
      {text !== '' && <p>{text}</p>}
    </div>
  );
}
