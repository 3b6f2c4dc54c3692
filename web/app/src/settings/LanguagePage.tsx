import { LANGUAGES, type Language, useText } from '@/app/i18n/i18n';
import { useLook } from '@/store/look';
import { Choices } from './Choices';

export function LanguagePage() {
  const t = useText();
  const { language, change } = useLook();
  const options: { value: Language | 'system'; label: string; lang?: string }[] = [
    { value: 'system', label: t('language.system') },
    ...LANGUAGES.map(({ code, name }) => ({ value: code, label: name, lang: code })),
  ];
  return (
    <>
      <p>{t('language.intro')}</p>
      <h3>{t('settings.language')}</h3>
      <Choices
        label={t('settings.language')}
        name="language"
        value={language}
        options={options}
        onChange={(value) => change({ language: value })}
      />
    </>
  );
}
