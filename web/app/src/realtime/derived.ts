import type { Store } from './messenger';

/** A store made of another one: computed once for each of its values. */
export function derived<A, B>(source: Store<A>, make: (value: A) => B): Store<B> {
  let of: { value: A; made: B } | null = null;
  return {
    get: () => {
      const value = source.get();
      if (of === null || of.value !== value) of = { value, made: make(value) };
      return of.made;
    },
    subscribe: (changed) => source.subscribe(changed),
  };
}
