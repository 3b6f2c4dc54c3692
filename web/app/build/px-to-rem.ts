import type { Plugin } from 'vite';

const PX = /(?<![\w.-])(-?\d*\.?\d+)px\b/g;

/**
 * Styles are written in the pixels of the design and shipped in rem, so that the size setting scales everything.
 * Lengths up to 2 px are hairlines and stay; so do conditions of `@media`, which know nothing of that setting.
 */
export function pxToRem(): Plugin {
  return {
    name: 'relayhub-px-to-rem',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]?.endsWith('.css') || id.includes('node_modules')) return null;
      const lines = code.split('\n').map((line) =>
        line.trimStart().startsWith('@') && !line.trimStart().startsWith('@container')
          ? line
          : line.replace(PX, (whole, number: string) => {
              const px = Number(number);
              return Math.abs(px) <= 2 ? whole : `${Number((px / 16).toFixed(5))}rem`;
            }),
      );
      return { code: lines.join('\n'), map: null };
    },
  };
}
