import { expect, it } from 'vitest';
import { stoppedFor } from './stopped';

it('says why the client stopped, and what helps', () => {
  expect(stoppedFor('close_4502')).toEqual({ text: 'strip.stopped.version', action: 'reload' });
  expect(stoppedFor('store')).toEqual({ text: 'strip.stopped.store', action: 'retry' });
  expect(stoppedFor('close_4504')).toEqual({ text: 'strip.stopped.flooding', action: 'retry' });
});

it('has a word for reasons of a newer server too', () => {
  for (const reason of ['close_4999', 'toString', null]) expect(stoppedFor(reason)).toEqual({ text: 'strip.stopped', action: 'retry' });
});
