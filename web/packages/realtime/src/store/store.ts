/** Placeholder for the next commit's interface. */
export interface Store {
  readonly persistent: boolean;
}
