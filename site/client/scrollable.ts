/** Boxes of code and formulas that can be scrolled by keyboard. */

/** Marks them now and whenever their widths may change. */
export function markScrollables(): void {
  mark();
  addEventListener('resize', mark);
  document.fonts.ready.then(mark);
}

/** Only a box whose content is wider than itself is worth a stop of the Tab key. */
function mark(): void {
  for (const box of document.querySelectorAll<HTMLElement>('pre.code, .tex')) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }
}
