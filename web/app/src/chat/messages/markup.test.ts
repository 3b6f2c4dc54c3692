import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Block, type Inline, parseMessage, plainText } from './markdown';

/** What docs/protocol.md shows; the terminal's test reads the same. */
const examples = JSON.parse(readFileSync(new URL('../../../../../tests/markup.json', import.meta.url), 'utf8')) as {
  typed: string;
  drawn: string;
  line: string;
}[];

function inline(part: Inline): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'code':
      return `<code>${part.text}</code>`;
    case 'mention':
      return `<mention>${part.handle}</mention>`;
    case 'break':
      return '<br>';
    case 'link':
      return `<a href=${part.href}>${part.children.map(inline).join('')}</a>`;
    default:
      return `<${part.type}>${part.children.map(inline).join('')}</${part.type}>`;
  }
}

function drawn(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return `<p>${block.children.map(inline).join('')}</p>`;
    case 'code':
      return `<pre>${block.text}</pre>`;
    case 'quote':
      return `<quote>${block.children.map(drawn).join('')}</quote>`;
    case 'list': {
      const items = block.items.map((item) => `<li>${item.map(drawn).join('')}</li>`).join('');
      return block.ordered ? `<ol start=${block.start}>${items}</ol>` : `<ul>${items}</ul>`;
    }
  }
}

describe('the markup that the protocol defines', () => {
  it.each(examples)('$typed', (example) => {
    expect(parseMessage(example.typed).map(drawn).join('')).toBe(example.drawn);
    expect(plainText(example.typed)).toBe(example.line);
  });
});
