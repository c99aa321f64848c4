/** A variant's page: its panel, and which part is being read. */
import { mountLab } from './lab/lab.ts';
import { markScrollables } from './scrollable.ts';

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

markScrollables();
followReading();
for (const element of document.querySelectorAll<HTMLElement>('[data-lab]')) mountLab(element);
