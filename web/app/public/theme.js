// Runs before the first paint, so that neither theme nor direction flashes.
(() => {
  const root = document.documentElement;
  let look = {};
  try {
    look = JSON.parse(localStorage.getItem('relayhub.look') || '{}');
  } catch {
    // Storage may be forbidden or unreadable: the system's choice holds.
  }
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const theme = look.theme === 'light' || look.theme === 'dark' ? look.theme : system;
  root.dataset.theme = theme;
  root.style.colorScheme = theme;
  root.dataset.density = look.density === 'compact' ? 'compact' : 'cosy';
  if (look.textSize) root.style.fontSize = `${look.textSize}%`;
  const wanted = look.language || navigator.language || 'en';
  const language = ['en', 'de', 'ar'].find((known) => wanted.toLowerCase().startsWith(known)) || 'en';
  root.lang = language;
  root.dir = language === 'ar' ? 'rtl' : 'ltr';
})();
