import { Check, Copy } from 'lucide-react';
import { Fragment, memo, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { type Block, type Inline, parsedMessage } from './markdown';

/** A message's text as elements. There is no HTML on the way, so nothing has to be made harmless. */
export const MessageText = memo(function MessageText({ text, myHandle }: { text: string; myHandle: string }) {
  return <Blocks blocks={parsedMessage(text)} myHandle={myHandle} />;
});

function Blocks({ blocks, myHandle }: { blocks: Block[]; myHandle: string }) {
  // biome-ignore lint/suspicious/useIterableCallbackReturn: the switch has every kind
  return blocks.map((block, index) => {
    const key = `${index}-${block.type}`;
    switch (block.type) {
      case 'paragraph':
        return (
          <p key={key} dir="auto">
            <Inlines parts={block.children} myHandle={myHandle} />
          </p>
        );
      case 'code':
        return <CodeBlock key={key} text={block.text} />;
      case 'quote':
        return (
          <blockquote key={key}>
            <Blocks blocks={block.children} myHandle={myHandle} />
          </blockquote>
        );
      case 'list': {
        const items = block.items.map((item, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
          <li key={place} dir="auto">
            <Blocks blocks={item} myHandle={myHandle} />
          </li>
        ));
        return block.ordered ? (
          <ol key={key} start={block.start}>
            {items}
          </ol>
        ) : (
          <ul key={key}>{items}</ul>
        );
      }
    }
  });
}

function Inlines({ parts, myHandle }: { parts: Inline[]; myHandle: string }) {
  // biome-ignore lint/suspicious/useIterableCallbackReturn: the switch has every kind
  return parts.map((part, index) => {
    const key = `${index}-${part.type}`;
    switch (part.type) {
      case 'text':
        return <Fragment key={key}>{part.text}</Fragment>;
      case 'break':
        return <br key={key} />;
      case 'code':
        return (
          <code key={key} dir="ltr">
            {part.text}
          </code>
        );
      case 'mention':
        return (
          <bdi key={key} className="mention" data-me={part.handle === myHandle || undefined}>
            @{part.handle}
          </bdi>
        );
      case 'link':
        return (
          <a key={key} href={part.href} target="_blank" rel="noopener noreferrer nofollow ugc" title={part.href}>
            <Inlines parts={part.children} myHandle={myHandle} />
          </a>
        );
      case 'strong':
        return (
          <strong key={key}>
            <Inlines parts={part.children} myHandle={myHandle} />
          </strong>
        );
      case 'em':
        return (
          <em key={key}>
            <Inlines parts={part.children} myHandle={myHandle} />
          </em>
        );
      case 'del':
        return (
          <del key={key}>
            <Inlines parts={part.children} myHandle={myHandle} />
          </del>
        );
    }
  });
}

function CodeBlock({ text }: { text: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
  };
  const Icon = copied ? Check : Copy;
  return (
    <div className="code-block" dir="ltr">
      <pre>
        <code>{text}</code>
      </pre>
      {navigator.clipboard && (
        <button type="button" tabIndex={-1} aria-label={t('action.copyCode')} title={t('action.copyCode')} onClick={copy}>
          <Icon size={14} strokeWidth={2.2} aria-hidden />
        </button>
      )}
    </div>
  );
}
