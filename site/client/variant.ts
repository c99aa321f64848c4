/** A variant's page: its panel, boxes of code that can be scrolled by keyboard, and which part is being read. */
import { mountLab } from './lab/lab.ts';

/** Only a box whose code is wider than itself is worth a stop of the Tab key. */
function markScrollable(): void {
  for (const box of document.querySelectorAll<HTMLElement>('pre.code, .tex')) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }
}

/** Marks the link of the part that the top of the window is in. */
function followReading(): void {
  const links = new Map<string, HTMLAnchorElement>();
  for (const link of document.querySelectorAll<HTMLAnchorElement>('.contents > ul > li > a'))
    links.set(link.hash.slice(1), link);
  const headings = [...links.keys()].flatMap((id) => document.getElementById(id) ?? []);
  const mark = (): void => {
    const current = headings.findLast((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    for (const [id, link] of links) {
      if (id === current?.id) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };
  let waiting = false;
  addEventListener(
    'scroll',
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        mark();
      });
    },
    { passive: true },
  );
  mark();
}

markScrollable();
addEventListener('resize', markScrollable);
document.fonts.ready.then(markScrollable);
followReading();
for (const element of document.querySelectorAll<HTMLElement>('[data-lab]')) mountLab(element);
