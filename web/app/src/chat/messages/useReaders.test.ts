import { expect, it } from 'vitest';
import { readCount } from './useReaders';

const read = new Map([
  ['a', { afterSeq: 1, readSeq: 9 }],
  ['b', { afterSeq: 1, readSeq: 4 }],
  ['late', { afterSeq: 7, readSeq: 9 }],
]);

const delivered = new Map([['b', 5]]);

it('counts those who were there and tell', () => {
  const count = (seq: number | null, named = true, state: 'sent' | 'pending' = 'sent') =>
    readCount({ seq, state }, { named, read, delivered }, ['a', 'b', 'late']);
  expect(count(4)).toEqual({ by: 2, of: 2, delivered: true });
  expect(count(5)).toEqual({ by: 1, of: 2, delivered: true });
  expect(count(8)).toEqual({ by: 2, of: 3, delivered: false });
  expect(count(5, false)).toEqual({ by: 0, of: 0, delivered: false });
  expect(count(null)).toEqual({ by: 0, of: 0, delivered: false });
  expect(count(5, true, 'pending')).toEqual({ by: 0, of: 0, delivered: false });
  // With receipts off, one still learns what has arrived.
  expect(readCount({ seq: 5, state: 'sent' }, { named: true, read: new Map(), delivered }, ['b'])).toEqual({
    by: 0,
    of: 0,
    delivered: true,
  });
});
