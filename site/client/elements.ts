/** Elements that a page is known to have, and work that is not done more often than it can be seen. */

/** Throws for a page without it: then page and script are not of one build. */
export function place<T extends HTMLElement>(within: ParentNode, selector: string, kind: new () => T): T {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} ${selector}`);
  return found;
}

/** The one with this id. Throws as `place` does. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  return place(document, `#${id}`, kind);
}

/** Text is set only where it differs, so that nothing is laid out or read out anew. */
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text;
}

/** Runs at once, then at most once in so many milliseconds, the last time after the last call. */
export function throttled(milliseconds: number, run: () => void): () => void {
  let timer: number | undefined;
  let again = false;
  const tick = (): void => {
    timer = undefined;
    if (!again) return;
    again = false;
    call();
  };
  const call = (): void => {
    if (timer !== undefined) {
      again = true;
      return;
    }
    timer = window.setTimeout(tick, milliseconds);
    run();
  };
  return call;
}

/** Hands the browser a file to save. */
export function download(name: string, type: string, content: Uint8Array<ArrayBuffer> | string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
