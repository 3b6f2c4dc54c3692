import { describe, expect, test } from 'vitest';
import { Player } from './player.ts';
import { scripts } from './script.ts';

describe('conformance', () => {
  const all = scripts();
  test('there are scripts', () => expect(all.length).toBeGreaterThan(25));
  for (const script of all) {
    test(`${script.name}: ${script.says}`, async () => {
      await new Player(script).play();
    });
  }
});
