import { Search, X } from 'lucide-react';
import { useText } from '@/app/i18n/i18n';
import { modifierName } from '@/app/keys/platform';

export interface SearchFieldProps {
  value: string;
  onChange: (value: string) => void;
  onSwitcher: () => void;
  /** Enter: the same in what was said. */
  onMessages?: () => void;
}

export function SearchField({ value, onChange, onSwitcher, onMessages }: SearchFieldProps) {
  const t = useText();
  return (
    <div className="search">
      <Search size={18} strokeWidth={1.85} aria-hidden />
      <input
        id="list-search"
        type="search"
        value={value}
        placeholder={t('list.search')}
        aria-label={t('list.searchLabel')}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value) {
            event.stopPropagation();
            onChange('');
          }
          if (event.key === 'Enter' && !event.nativeEvent.isComposing && value.trim()) onMessages?.();
        }}
      />
      {value ? (
        <button type="button" className="search-clear" aria-label={t('action.clear')} onClick={() => onChange('')}>
          <X size={16} strokeWidth={2.2} aria-hidden />
        </button>
      ) : (
        <button type="button" className="search-keys" tabIndex={-1} aria-hidden="true" onClick={onSwitcher}>
          <kbd>{modifierName()} K</kbd>
        </button>
      )}
    </div>
  );
}
