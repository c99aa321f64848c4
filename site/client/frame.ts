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

/** The name of a variant, or its only beginning, leads to its page; the overview looks for anything else, as without a script. */
const search = document.querySelector<HTMLFormElement>('header.site form.find');
search?.addEventListener('submit', (event) => {
  const wanted = new FormData(search).get('find')?.toString().trim().toLowerCase() ?? '';
  const names = [...search.querySelectorAll('option')].map(({ value }) => value);
  const begun = names.filter((name) => name.startsWith(wanted));
  const found = names.includes(wanted) ? wanted : begun.length === 1 ? begun[0] : undefined;
  if (wanted === '' || found === undefined) return;
  event.preventDefault();
  location.href = `${document.documentElement.dataset.root ?? './'}variants/${found}.html`;
});
