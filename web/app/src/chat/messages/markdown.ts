import { marked, type Token, type Tokens } from 'marked';

/** A text with more marks than this is shown as typed: a parser needs seconds for hostile texts. */
export const MAX_MARKS = 400;
const MARKS = /[*_~`[\]<>!|\\#&@\-+(\n]|\d[.)]/g;
const MAX_DEPTH = 8;

/** What a bubble can draw. Everything else of markdown shows as typed. */
export type Inline =
  | { type: 'text'; text: string }
  | { type: 'strong' | 'em' | 'del'; children: Inline[] }
  | { type: 'code'; text: string }
  | { type: 'link'; href: string; children: Inline[] }
  | { type: 'mention'; handle: string }
  | { type: 'break' };

export type Block =
  | { type: 'paragraph'; children: Inline[] }
  | { type: 'code'; text: string }
  | { type: 'quote'; children: Block[] }
  | { type: 'list'; ordered: boolean; start: number; items: Block[][] };

/** Whether a text has more marks than may be parsed. */
export function tooManyMarks(text: string): boolean {
  MARKS.lastIndex = 0;
  let count = 0;
  while (MARKS.test(text)) {
    count += 1;
    if (count > MAX_MARKS) return true;
  }
  return false;
}

const SAFE_SCHEME = /^(https?|mailto|tel):/i;

/** The address of a link that may be followed, or null. */
export function safeHref(href: string): string | null {
  const trimmed = href.trim();
  return SAFE_SCHEME.test(trimmed) && trimmed.length <= 2_048 ? trimmed : null;
}

const MENTION = /(^|[^\p{L}\p{N}_@/.])@([a-z][a-z0-9_]{2,31})(?![\p{L}\p{N}_@])/gu;

function plain(text: string): Inline[] {
  const out: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(MENTION)) {
    const at = match.index + (match[1]?.length ?? 0);
    if (at > from) out.push({ type: 'text', text: text.slice(from, at) });
    out.push({ type: 'mention', handle: match[2] as string });
    from = at + 1 + (match[2]?.length ?? 0);
  }
  if (from < text.length) out.push({ type: 'text', text: text.slice(from) });
  return out;
}

function inlines(tokens: readonly Token[] | undefined, depth: number): Inline[] {
  if (!tokens) return [];
  return tokens.flatMap((token): Inline[] => {
    if (depth > MAX_DEPTH) return [{ type: 'text', text: token.raw }];
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return [{ type: token.type, children: inlines((token as Tokens.Strong).tokens, depth + 1) }];
      case 'codespan':
        return [{ type: 'code', text: (token as Tokens.Codespan).text }];
      case 'br':
        return [{ type: 'break' }];
      case 'escape':
        return [{ type: 'text', text: (token as Tokens.Escape).text }];
      case 'link': {
        const link = token as Tokens.Link;
        const href = safeHref(link.href);
        if (!href) return plain(token.raw);
        return [{ type: 'link', href, children: [{ type: 'text', text: link.text }] }];
      }
      case 'text': {
        const nested = (token as Tokens.Text).tokens;
        return nested ? inlines(nested, depth + 1) : plain(token.raw);
      }
      default:
        return plain(token.raw);
    }
  });
}

function blocks(tokens: readonly Token[], depth: number): Block[] {
  const out: Block[] = [];
  for (const token of tokens) {
    const raw: Block = { type: 'paragraph', children: plain(token.raw.replace(/\n+$/, '')) };
    if (depth > MAX_DEPTH) {
      out.push(raw);
      continue;
    }
    switch (token.type) {
      case 'space':
      case 'def':
        if (token.type === 'def') out.push(raw);
        break;
      case 'paragraph':
      case 'text':
        out.push({ type: 'paragraph', children: inlines((token as Tokens.Paragraph).tokens ?? [token], depth + 1) });
        break;
      case 'code':
        if ((token as Tokens.Code).codeBlockStyle === 'indented') out.push(raw);
        else out.push({ type: 'code', text: (token as Tokens.Code).text });
        break;
      case 'blockquote':
        out.push({ type: 'quote', children: blocks((token as Tokens.Blockquote).tokens, depth + 1) });
        break;
      case 'list': {
        const list = token as Tokens.List;
        out.push({
          type: 'list',
          ordered: list.ordered,
          start: Number(list.start) || 1,
          items: list.items.map((item) => itemBlocks(item.tokens, depth + 1)),
        });
        break;
      }
      // Headings, tables, rules, HTML: a message is no page, and what was typed must not vanish.
      default:
        out.push(raw);
    }
  }
  return out;
}

/** Of an item that begins with a box for a tick, the box stands before the text, as typed. */
function itemBlocks(tokens: readonly Token[], depth: number): Block[] {
  const [box, ...rest] = tokens;
  if ((box?.type as string) !== 'checkbox') return blocks(tokens, depth);
  const drawn = blocks(rest, depth);
  const text: Inline = { type: 'text', text: box?.raw ?? '' };
  const [first, ...others] = drawn;
  if (first?.type !== 'paragraph') return [{ type: 'paragraph', children: [text] }, ...drawn];
  return [{ type: 'paragraph', children: [text, ...first.children] }, ...others];
}

function asTyped(text: string): Block[] {
  return [{ type: 'paragraph', children: [{ type: 'text', text }] }];
}

/** Parses a message. Never throws, never takes long: at most `MAX_MARKS` marks are looked at. */
export function parseMessage(text: string): Block[] {
  if (tooManyMarks(text)) return asTyped(text);
  try {
    const parsed = blocks(marked.lexer(text, { gfm: true, breaks: true }), 0);
    return parsed.length > 0 ? parsed : asTyped(text);
  } catch {
    return asTyped(text);
  }
}

const kept = new Map<string, Block[]>();
const MAX_KEPT = 2_000;
const MAX_CHARACTERS = 2_000_000;
let keptCharacters = 0;

/** `parseMessage`, remembered for the texts on the screen. */
export function parsedMessage(text: string): Block[] {
  const known = kept.get(text);
  if (known) return known;
  const parsed = parseMessage(text);
  kept.set(text, parsed);
  keptCharacters += text.length;
  while (kept.size > MAX_KEPT || keptCharacters > MAX_CHARACTERS) {
    const oldest = kept.keys().next().value as string;
    kept.delete(oldest);
    keptCharacters -= oldest.length;
  }
  return parsed;
}

/** Another person may be next at this computer. */
export function forgetParsed(): void {
  kept.clear();
  keptCharacters = 0;
}

/** A message in one line, without marks: for previews and for readers. */
export function plainText(text: string, max = 200): string {
  const words = (part: Inline): string => {
    switch (part.type) {
      case 'text':
      case 'code':
        return part.text;
      case 'mention':
        return `@${part.handle}`;
      case 'break':
        return ' ';
      default:
        return part.children.map(words).join('');
    }
  };
  const block = (part: Block): string => {
    switch (part.type) {
      case 'paragraph':
        return part.children.map(words).join('');
      case 'code':
        return part.text;
      case 'quote':
        return part.children.map(block).join(' ');
      case 'list':
        return part.items.map((item) => item.map(block).join(' ')).join(', ');
    }
  };
  const beginning = text.length > max * 4 ? text.slice(0, max * 4) : text;
  const line = parsedMessage(beginning).map(block).join(' ').replace(/\s+/gu, ' ').trim();
  return line.length > max ? `${line.slice(0, max)}…` : line;
}

const EMOJI_ONLY = /^(?:\p{RGI_Emoji}\s*){1,3}$/v;

/** One to three emoji and nothing else: drawn large, without a bubble. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= 64 && EMOJI_ONLY.test(text.trim());
}
