/** Saves a picture as one SVG that stands by itself, with its numbers in it, or the numbers alone. */
import { download, place } from '../elements.ts';

const GAP = 24;
/** What a style sheet says of a shape, which a file by itself has to say of itself. */
const STYLES = ['fill', 'stroke', 'stroke-width', 'font-size', 'font-weight', 'font-family'];

export function listenForSaving(root: HTMLElement): void {
  const name = `${document.location.pathname
    .split('/')
    .at(-1)
    ?.replace(/\.html$/, '')}-${root.id}`;
  const data = (): string => place(root, '[data-part=drawn]', HTMLScriptElement).textContent ?? '';
  for (const button of root.querySelectorAll<HTMLButtonElement>('[data-save]')) {
    button.addEventListener('click', () => {
      if (button.dataset.save === 'svg') download(`${name}.svg`, 'image/svg+xml', documentOf(root, data()));
      else download(`${name}.json`, 'application/json', `${JSON.stringify(JSON.parse(data()), null, 2)}\n`);
    });
  }
}

/** The panels one below the other on the page's ground, in the colours that they have now. */
function documentOf(root: HTMLElement, data: string): string {
  const panels = [...root.querySelectorAll<SVGSVGElement>('svg.panel')];
  let y = GAP;
  let width = 0;
  const placed = panels.map((panel) => {
    const { width: own, height } = panel.viewBox.baseVal;
    const copy = panel.cloneNode(true) as SVGSVGElement;
    const [from, to] = [panel, copy].map((svg) => [...svg.querySelectorAll('*')]);
    from.forEach((element, n) => {
      const style = getComputedStyle(element);
      for (const name of STYLES) to[n].setAttribute(name, style.getPropertyValue(name));
    });
    const settings = { x: GAP, y, width: own, height };
    for (const [name, value] of Object.entries(settings)) copy.setAttribute(name, String(value));
    y += height + GAP;
    width = Math.max(width, own + 2 * GAP);
    return new XMLSerializer().serializeToString(copy);
  });
  const ground = getComputedStyle(root).backgroundColor;
  const source = data.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}">
<metadata>${source}</metadata>
<rect width="100%" height="100%" fill="${ground}"/>
${placed.join('\n')}
</svg>
`;
}
