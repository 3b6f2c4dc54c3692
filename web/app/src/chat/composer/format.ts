/** Puts marks around the selection, or takes them away; undo of the browser knows it. */
export function wrapSelection(box: HTMLTextAreaElement, mark: string): void {
  const { selectionStart: from, selectionEnd: to, value } = box;
  const size = mark.length;
  const wrapped = value.slice(from - size, from) === mark && value.slice(to, to + size) === mark;
  const inner = value.slice(from, to);
  box.focus();
  if (wrapped) box.setSelectionRange(from - size, to + size);
  const text = wrapped ? inner : mark + inner + mark;
  // The only way that keeps the undo history of a text field.
  if (!document.execCommand('insertText', false, text)) {
    box.setRangeText(text, box.selectionStart, box.selectionEnd, 'end');
    box.dispatchEvent(new Event('input', { bubbles: true }));
  }
  const start = wrapped ? from - size : from + size;
  box.setSelectionRange(start, start + inner.length);
}
