import { expect, it } from 'vitest';
import { readCount } from './useReaders';

const read = new Map([
  ['a', { afterSeq: 1, readSeq: 9 }],
  ['b', { afterSeq: 1, readSeq: 4 }],
  ['late', { afterSeq: 7, readSeq: 9 }],
]);

it('counts those who were there and tell', () => {
  const count = (seq: number | null, named = true, state: 'sent' | 'pending' = 'sent') =>
    readCount({ seq, state }, { named, read }, ['a', 'b', 'late']);
  expect(count(4)).toEqual({ by: 2, of: 2 });
  expect(count(5)).toEqual({ by: 1, of: 2 });
  expect(count(8)).toEqual({ by: 2, of: 3 });
  expect(count(5, false)).toEqual({ by: 0, of: 0 });
  expect(count(null)).toEqual({ by: 0, of: 0 });
  expect(count(5, true, 'pending')).toEqual({ by: 0, of: 0 });
});
