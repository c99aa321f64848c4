/** The places of a lab, which the build made. */

/** Throws for a lab without it: then page and script are not of one build. */
export function place<T extends HTMLElement>(within: ParentNode, selector: string, kind: new () => T): T {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the lab has no ${kind.name} ${selector}`);
  return found;
}

/** Text is set only where it differs, so that nothing is laid out or read out anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
