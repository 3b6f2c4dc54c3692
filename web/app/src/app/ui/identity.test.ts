import { describe, expect, it } from 'vitest';
import { firstName, hueOf, initialsOf } from './identity';

describe('identity', () => {
  it('takes graphemes of the first and the last word', () => {
    expect(initialsOf('Anouk Verhoeven')).toBe('AV');
    expect(initialsOf('Neighbours 14–22')).toBe('N1');
    expect(initialsOf('👨‍👩‍👧‍👦 Family')).toBe('👨‍👩‍👧‍👦F');
    expect(initialsOf('رحلة الميناء')).toBe('را');
    expect(initialsOf('  ')).toBe('?');
    expect(initialsOf('(Kitchen)')).toBe('K');
  });

  it('gives an id the same hue every time', () => {
    expect(hueOf('01JD0000000000000000000000')).toBe(hueOf('01JD0000000000000000000000'));
    const hues = new Set(Array.from({ length: 200 }, (_, n) => hueOf(`id-${n}`)));
    expect(hues.size).toBe(8);
  });

  it('calls people by their first name', () => {
    expect(firstName('Tomás Rivera')).toBe('Tomás');
  });
});
