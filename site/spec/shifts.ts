/** What moves on a page that nobody touches, as the browser itself counts it. */
import type { Page } from 'playwright-core';

export interface Shift {
  /** Its part of the Cumulative Layout Shift. */
  value: number;
  /** What moved, at most five elements, and how far each of them went down or up. */
  moved: { element: string; pixels: number }[];
}

/** Of the Cumulative Layout Shift, of which browsers' makers call less than 0.1 good. */
const LARGEST_SHIFT = 0.01;

type Watched = typeof globalThis & { shifts?: Shift[]; takeShifts?: () => Shift[] };

/** Runs in the page, before all else. */
export function watchShifts(): void {
  type Entry = PerformanceEntry & { value: number; hadRecentInput: boolean; sources: Source[] };
  type Source = { node: Node | null; previousRect: DOMRect; currentRect: DOMRect };
  const all: Shift[] = [];
  const add = (entries: PerformanceEntryList): void => {
    for (const { value, hadRecentInput, sources } of entries as Entry[]) {
      if (hadRecentInput) continue;
      const moved = sources.map(({ node, previousRect, currentRect }) => {
        const element = node instanceof Element ? node : node?.parentElement;
        const name = `${element?.nodeName}#${element?.id}.${element?.getAttribute('class')}`;
        const isNew = previousRect.height === 0 || currentRect.height === 0;
        return { element: name, pixels: isNew ? 0 : currentRect.top - previousRect.top };
      });
      all.push({ value, moved });
    }
  };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: 'layout-shift', buffered: true });
  (globalThis as Watched).takeShifts = () => {
    add(observer.takeRecords());
    return all.splice(0);
  };
}

/** What has moved since it was asked last. */
export function takeShifts(page: Page): Promise<Shift[]> {
  return page.evaluate(() => (globalThis as Watched).takeShifts?.() ?? []);
}

/** Empty, or the sum, and what moved. */
export function tooMuch(shifts: readonly Shift[]): string[] {
  const sum = shifts.reduce((total, { value }) => total + value, 0);
  return sum < LARGEST_SHIFT ? [] : [`moved by ${sum.toFixed(3)}: ${JSON.stringify(shifts)}`];
}
