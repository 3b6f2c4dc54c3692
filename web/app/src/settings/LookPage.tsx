import { useText } from '@/app/i18n/i18n';
import { TEXT_SIZES, useLook } from '@/store/look';
import { Choices } from './Choices';

export function LookPage() {
  const t = useText();
  const { theme, density, textSize, change } = useLook();
  return (
    <>
      <h3>{t('look.theme')}</h3>
      <Choices
        label={t('look.theme')}
        name="theme"
        value={theme}
        options={(['system', 'light', 'dark'] as const).map((value) => ({ value, label: t(`look.theme.${value}`) }))}
        onChange={(value) => change({ theme: value })}
      />
      <h3>{t('look.density')}</h3>
      <Choices
        label={t('look.density')}
        name="density"
        value={density}
        options={(['cosy', 'compact'] as const).map((value) => ({ value, label: t(`look.density.${value}`) }))}
        onChange={(value) => change({ density: value })}
      />
      <h3>{t('look.size')}</h3>
      <Choices
        label={t('look.size')}
        name="size"
        value={textSize}
        options={TEXT_SIZES.map((value) => ({ value, label: `${value.toLocaleString(document.documentElement.lang)} %` }))}
        onChange={(value) => change({ textSize: value })}
      />
    </>
  );
}
