import { useLayoutEffect, useRef, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { textDirection } from './direction';
import { MessageText } from './MessageText';

/** Longer messages fold. Judged by the text first, so that short ones are never measured. */
const MAYBE_LONG_CHARS = 900;
const MAX_LINES = 24;

/** A message's text; long ones show their beginning and a button. */
export function FoldedText({ text, myHandle }: { text: string; myHandle: string }) {
  const maybeLong = text.length > MAYBE_LONG_CHARS || text.split('\n', MAX_LINES + 1).length > MAX_LINES;
  if (maybeLong) return <Folding text={text} myHandle={myHandle} />;
  // A text that runs against the screen has its last line where the time would be: the time goes below.
  const direction = textDirection(text);
  const apart = direction !== null && direction !== document.documentElement.dir;
  return (
    <div className="bubble-text" data-apart={apart || undefined}>
      <MessageText text={text} myHandle={myHandle} />
    </div>
  );
}

function Folding({ text, myHandle }: { text: string; myHandle: string }) {
  const t = useText();
  const ref = useRef<HTMLDivElement>(null);
  const [tooLong, setTooLong] = useState(true);
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const box = ref.current;
    if (box && !open) setTooLong(box.scrollHeight > box.clientHeight + 4);
  }, [open]);
  return (
    <div className="bubble-text">
      <div ref={ref} className="fold" data-open={open || undefined}>
        <MessageText text={text} myHandle={myHandle} />
      </div>
      {tooLong && !open && (
        <button type="button" className="fold-button" onClick={() => setOpen(true)}>
          {t('message.showAll')}
        </button>
      )}
    </div>
  );
}
