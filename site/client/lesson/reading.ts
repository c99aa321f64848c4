/** Reads the cells of a lesson's matrices: those that are pointed at, or walked to by the arrow keys. */
import { formatError } from '../../../src/terminal/format.ts';
import type { Drawn, MatrixPanel } from '../../course/drawn.ts';
import { place, setText } from '../elements.ts';

/** `drawn`: what is shown now. */
export function listenForReading(root: HTMLElement, drawn: () => Drawn): void {
  const readout = root.querySelector<HTMLElement>('[data-part=readout]');
  if (readout === null) return;
  const picture = place(root, '[data-part=picture]', HTMLElement);
  const read = (svg: SVGSVGElement, row: number, column: number): void => {
    const panel = panelOf(svg, picture, drawn());
    if (panel === null) return;
    const within = (place: number, count: number): number => Math.min(count - 1, Math.max(0, place));
    const [r, c] = [within(row, panel.rows), within(column, panel.columns)];
    svg.dataset.row = String(r);
    svg.dataset.column = String(c);
    mark(svg, r, c);
    setText(readout, sentenceOf(panel, r, c));
  };
  const point = ({ target, clientX, clientY }: PointerEvent): void => {
    const svg = target instanceof Element ? target.closest<SVGSVGElement>('svg[data-cell]') : null;
    const matrix = svg?.getScreenCTM();
    if (svg === null || matrix == null) return;
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
    const { left, top, cell } = placeOf(svg);
    const [row, column] = [Math.floor((y - top) / cell), Math.floor((x - left) / cell)];
    if (row >= 0 && column >= 0) read(svg, row, column);
  };
  picture.addEventListener('pointermove', point);
  picture.addEventListener('pointerdown', point);
  picture.addEventListener('keydown', (event) => {
    const svg = event.target;
    const step = STEPS[event.key];
    if (!(svg instanceof SVGSVGElement) || svg.dataset.cell === undefined || step === undefined) return;
    event.preventDefault();
    const isFirst = svg.dataset.row === undefined;
    const [row, column] = [Number(svg.dataset.row ?? 0), Number(svg.dataset.column ?? 0)];
    read(svg, isFirst ? 0 : row + step[0], isFirst ? 0 : column + step[1]);
  });
}

const STEPS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

function placeOf({ dataset }: SVGSVGElement): { left: number; top: number; cell: number } {
  return { left: Number(dataset.left), top: Number(dataset.top), cell: Number(dataset.cell) };
}

function panelOf(svg: SVGSVGElement, picture: HTMLElement, { panels }: Drawn): MatrixPanel | null {
  const panel = panels[[...picture.querySelectorAll('svg.panel')].indexOf(svg)];
  return panel?.kind === 'matrix' ? panel : null;
}

function mark(svg: SVGSVGElement, row: number, column: number): void {
  const { left, top, cell } = placeOf(svg);
  const known = svg.querySelector('.mark');
  const rect = known ?? document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  const settings = { class: 'mark', x: left + column * cell, y: top + row * cell, width: cell, height: cell };
  for (const [name, value] of Object.entries(settings)) rect.setAttribute(name, String(value));
  if (known === null) svg.append(rect);
}

function sentenceOf(
  { title, rowNames, columnNames, values, columns }: MatrixPanel,
  row: number,
  column: number,
): string {
  const named = (names: readonly string[] | undefined, what: string, n: number): string =>
    names === undefined ? `${what} ${n + 1}` : `${what} ${n + 1} “${names[n]}”`;
  const value = values[row * columns + column];
  const size = value === null ? 'none' : `${value < 0 ? '−' : ''}${formatError(Math.abs(value))}`;
  return `${title}: ${named(rowNames, 'row', row)}, ${named(columnNames, 'column', column)}: ${size}`;
}
