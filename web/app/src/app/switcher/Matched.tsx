import { folded } from '@/chat/list/filter';

/** A name with the letters that were typed marked, where folding kept its length. */
export function Matched({ text, query }: { text: string; query: string }) {
  const needle = folded(query.trim());
  const haystack = folded(text);
  const at = needle && haystack.length === text.length ? haystack.indexOf(needle) : -1;
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + needle.length)}</mark>
      {text.slice(at + needle.length)}
    </>
  );
}
