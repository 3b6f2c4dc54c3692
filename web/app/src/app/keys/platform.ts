const APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function isApple(): boolean {
  return APPLE;
}

/** How the main modifier is written on the keyboard in front of the person. */
export function modifierName(): string {
  return APPLE ? '⌘' : 'Ctrl';
}
