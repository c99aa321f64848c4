/** What every page does: the choice of light or dark, remembered where the browser lets it be. */

const button = document.getElementById('theme');
const system = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? system.matches : theme === 'dark';
}

function show(): void {
  button?.setAttribute('aria-pressed', String(isDark()));
}

button?.addEventListener('click', () => {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Then it holds for this page.
  }
  show();
  // Canvases are painted, not styled: whoever has one paints it anew.
  document.dispatchEvent(new Event('themechange'));
});
system.addEventListener('change', () => document.dispatchEvent(new Event('themechange')));
show();
