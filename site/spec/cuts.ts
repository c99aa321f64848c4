/** What is wrong with the texts of a page at the width that it has: cut, in another's place, or with a word broken in a head. */
import type { Page } from 'playwright-core';

/** A line for each fault. Formulas are left out, which have an order of their own, and code, which may scroll. */
export function cuts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const LEFT_OUT = 'script, style, svg, noscript, option, pre, .katex, .visually-hidden, .skip';
    /** Parts that scroll a text as a reader goes, and parts that stay while others scroll below them. */
    const OVERLAID = 'header.site, .contents, .lab-top, .lab-text, .scroll, .tex, .formulas, .pattern-controls';
    /** Sentences have to be read without scrolling sideways; figures need not, nor formulas that stand in a table. */
    const SENTENCE = 'caption, p, td[colspan]:not(.formulas td), figcaption, dt, dd, label, legend, h1, h2, h3, h4';
    const found = new Set<string>();
    const lines: { rect: DOMRect; element: Element; text: string }[] = [];

    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode as Text;
      const element = node.parentElement as Element;
      if (node.data.trim() === '' || element.closest(LEFT_OUT) !== null) continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = node.data.trim().slice(0, 40);
      for (const rect of range.getClientRects()) if (rect.width > 0) lines.push({ rect, element, text });
      if (element.closest('th, caption, h1, h2, h3, h4, legend, .lab-picture figcaption') === null) continue;
      for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}’]+/gu)) {
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const tops = [...range.getClientRects()].filter(({ width }) => width > 0).map(({ top }) => Math.round(top));
        if (new Set(tops).size > 1) found.add(`broken in ${nameOf(element)}: ${word}`);
      }
    }

    for (const { rect, element, text } of lines) {
      const by = clippedBy(rect, element);
      if (by !== null) found.add(`cut by ${nameOf(by)}: ${text}`);
    }
    const loose = lines.filter(({ element }) => element.closest(OVERLAID) === null);
    loose.forEach((one, n) => {
      for (const other of loose.slice(n + 1, n + 60)) {
        if (one.element.contains(other.element) || other.element.contains(one.element)) continue;
        if (overlap(one.rect, other.rect)) found.add(`in one place: ${one.text}, and ${other.text}`);
      }
    });
    return [...found];

    /** The box that hides a part of the line for good; of a sentence also one that has to be scrolled sideways for it. */
    function clippedBy(line: DOMRect, element: Element): Element | null {
      for (let box: Element | null = element; box !== null; box = box.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(box);
        const { left, right, top, bottom } = box.getBoundingClientRect();
        const scrollsX = overflowX === 'auto' || overflowX === 'scroll';
        if (overflowX !== 'visible' && (line.left < left - 1 || line.right > right + 1)) {
          return scrollsX && element.closest(SENTENCE) === null ? null : box;
        }
        if ((overflowY === 'hidden' || overflowY === 'clip') && (line.top < top - 2 || line.bottom > bottom + 2))
          return box;
        if (overflowY === 'auto' || overflowY === 'scroll') return null;
      }
      return line.left < -1 || line.right > document.documentElement.clientWidth + 1 ? document.documentElement : null;
    }

    /** By more than the descenders of one line reach into the next. */
    function overlap(one: DOMRect, other: DOMRect): boolean {
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      return width > 2 && height > Math.min(one.height, other.height) / 2;
    }

    function nameOf(element: Element): string {
      const { id, tagName } = element;
      return `${tagName.toLowerCase()}${id === '' ? '' : `#${id}`}.${element.getAttribute('class') ?? ''}`;
    }
  });
}
