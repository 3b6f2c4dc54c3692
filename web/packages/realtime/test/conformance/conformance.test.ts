import { describe, expect, test } from 'vitest';
import { EventStreamTransport, type Transport, WebSocketTransport } from '../../src/index.ts';
import { Player } from './player.ts';
import { scripts } from './script.ts';

interface Way {
  readonly how: string;
  readonly transport: () => Transport;
  /** Scripts about what it does not have. */
  readonly without: readonly string[];
}

const ways: readonly Way[] = [
  { how: 'over a socket', transport: () => new WebSocketTransport(), without: [] },
  // On a stream nobody can ask for a position: it comes by itself.
  { how: 'over a stream', transport: () => new EventStreamTransport(), without: ['goodbye'] },
];

for (const { how, transport, without } of ways) {
  describe(`conformance ${how}`, () => {
    const all = scripts().filter(({ name }) => !without.includes(name));
    test('there are scripts', () => expect(all.length).toBeGreaterThan(25));
    for (const script of all) {
      test(`${script.name}: ${script.says}`, async () => {
        await new Player(script, transport()).play();
      });
    }
  });
}
