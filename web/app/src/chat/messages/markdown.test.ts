import { describe, expect, it } from 'vitest';
import { isEmojiOnly, MAX_MARKS, parseMessage, plainText, safeHref, tooManyMarks } from './markdown';

const first = (text: string) => parseMessage(text)[0];

describe('parseMessage', () => {
  it('knows emphasis, code, links and mentions', () => {
    const block = first('**b** *i* ~~d~~ `c` [l](https://a.example) @mara');
    expect(block).toMatchObject({ type: 'paragraph' });
    const types = block?.type === 'paragraph' ? block.children.map((part) => part.type).filter((type) => type !== 'text') : [];
    expect(types).toEqual(['strong', 'em', 'del', 'code', 'link', 'mention']);
  });

  it('shows HTML, headings and tables as typed', () => {
    for (const text of ['<img src=x onerror=alert(1)>', '<script>x</script>', '# heading', '|a|b|\n|-|-|\n|1|2|']) {
      expect(plainText(text)).toBe(text.replace(/\s+/g, ' '));
    }
  });

  it('follows no address but web, mail and telephone', () => {
    for (const href of [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      '//evil.example',
      '/v1/auth',
      ' javascript:x',
      'java\nscript:x',
    ]) {
      expect(safeHref(href)).toBeNull();
    }
    expect(safeHref('https://a.example')).toBe('https://a.example');
    const block = first('[x](javascript:alert(1))');
    expect(JSON.stringify(block)).not.toContain('"link"');
  });

  it('keeps what is typed when there are too many marks', () => {
    const text = '*'.repeat(MAX_MARKS + 1);
    expect(tooManyMarks(text)).toBe(true);
    expect(parseMessage(text)).toEqual([{ type: 'paragraph', children: [{ type: 'text', text }] }]);
  });

  it('takes hostile texts of 16 KiB in little time', () => {
    const seeds = [
      '*a_**',
      '> ',
      '1. 1. ',
      '[[[',
      '`',
      '![](',
      '<a ',
      '&amp;',
      '~~',
      '- - ',
      '\\',
      '**_',
      '[a](',
      '|-|',
      'a\n\n',
      '@a',
      'http://',
      '((',
    ];
    for (const seed of seeds) {
      const text = seed.repeat(Math.ceil(16_384 / seed.length)).slice(0, 16_384);
      const before = performance.now();
      parseMessage(text);
      expect(performance.now() - before, seed).toBeLessThan(500);
    }
  });

  it('mentions only handles that stand alone', () => {
    expect(JSON.stringify(parseMessage('mail me@mara.example'))).not.toContain('mention');
    expect(JSON.stringify(parseMessage('`@mara`'))).not.toContain('mention');
    expect(JSON.stringify(parseMessage('(@mara)'))).toContain('"handle":"mara"');
  });
});

describe('isEmojiOnly', () => {
  it('takes one to three emoji', () => {
    for (const text of ['👍', '👨‍👩‍👧‍👦', '🇩🇪 🏳️‍🌈', '❤️🔥👍🏽']) expect(isEmojiOnly(text)).toBe(true);
    for (const text of ['', '1', '👍 ok', '👍👍👍👍', '#']) expect(isEmojiOnly(text)).toBe(false);
  });
});
