/** One query's weights: those of the variant as bars, those of full attention as an area behind them. */
import { formatError } from '../../../src/terminal/format.ts';

const MARGIN = { top: 8, right: 8, bottom: 20, left: 52 };

export interface Row {
  variant: Float32Array;
  full: Float32Array;
  /** Which query it is, and the key that is pointed at. */
  query: number;
  key: number;
}

export class RowChart {
  readonly #canvas: HTMLCanvasElement;
  #row: Row | null = null;

  constructor(canvas: HTMLCanvasElement, onPoint: (key: number) => void) {
    this.#canvas = canvas;
    const point = ({ clientX }: PointerEvent): void => {
      if (this.#row === null) return;
      const { left, width } = canvas.getBoundingClientRect();
      const along = (clientX - left - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
      const { length } = this.#row.full;
      onPoint(Math.min(length - 1, Math.max(0, Math.floor(along * length))));
    };
    canvas.addEventListener('pointermove', point);
    canvas.addEventListener('pointerdown', point);
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  /** Null: nothing to show. */
  show(row: Row | null, described: string): void {
    this.#row = row;
    this.#canvas.setAttribute('aria-label', described);
    this.paint();
  }

  paint(): void {
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
    const context = canvas.getContext('2d');
    if (context === null || this.#row === null) return;
    context.scale(devicePixelRatio, devicePixelRatio);
    draw(context, this.#row, {
      width: width - MARGIN.left - MARGIN.right,
      height: height - MARGIN.top - MARGIN.bottom,
    });
  }
}

function draw(
  context: CanvasRenderingContext2D,
  { variant, full, query, key }: Row,
  { width, height }: { width: number; height: number },
): void {
  const colour = coloursOf(context.canvas);
  const { length } = full;
  const columns = Math.max(1, Math.min(length, Math.round(width * devicePixelRatio)));
  const [own, whole] = [pooledRow(variant, columns), pooledRow(full, columns)];
  const top = Math.max(...own, ...whole, Number.MIN_VALUE);
  const bottom = Math.min(0, ...own, ...whole);
  const y = (weight: number): number => MARGIN.top + ((top - weight) / (top - bottom)) * height;
  const x = (column: number): number => MARGIN.left + (column / columns) * width;
  const centre = (position: number): number => MARGIN.left + ((position + 0.5) / length) * width;

  context.fillStyle = colour('--muted');
  context.globalAlpha = 0.35;
  whole.forEach((weight, n) => {
    bar(context, x(n), x(n + 1), y(0), y(weight));
  });
  context.globalAlpha = 1;
  context.fillStyle = colour('--shown');
  own.forEach((weight, n) => {
    // Bars stay apart where there is room, and can be seen where there is none.
    const [from, to] = [x(n), x(n + 1)];
    const gap = to - from > 4 ? (to - from) / 4 : 0;
    if (weight !== 0) bar(context, from + gap, Math.max(to - gap, from + gap + 0.75), y(0), y(weight));
  });

  context.strokeStyle = colour('--strong-line');
  context.lineWidth = 1;
  line(context, MARGIN.left, y(0), MARGIN.left + width, y(0));
  context.setLineDash([3, 3]);
  context.strokeStyle = colour('--muted');
  line(context, centre(query), MARGIN.top, centre(query), MARGIN.top + height);
  context.setLineDash([]);
  context.strokeStyle = colour('--text');
  line(context, centre(key), MARGIN.top + height, centre(key), MARGIN.top + height + 5);

  context.fillStyle = colour('--muted');
  context.font = `12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.fillText(formatError(top), MARGIN.left - 6, y(top) + 5);
  context.fillText('0', MARGIN.left - 6, y(0));
  if (bottom < 0) context.fillText(formatError(bottom), MARGIN.left - 6, y(bottom) - 5);
  context.textBaseline = 'alphabetic';
  context.textAlign = 'left';
  context.fillText('key 0', MARGIN.left, MARGIN.top + height + 15);
  context.textAlign = 'right';
  context.fillText(`key ${length - 1}`, MARGIN.left + width, MARGIN.top + height + 15);
}

/** The weight of each column that is largest in size. */
function pooledRow(row: Float32Array, columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const [begin, end] = [column, column + 1].map((edge) => Math.floor((edge * row.length) / columns));
    let most = 0;
    for (let key = begin; key < end; key++) if (Math.abs(row[key]) > Math.abs(most)) most = row[key];
    return most;
  });
}

function bar(context: CanvasRenderingContext2D, from: number, to: number, zero: number, end: number): void {
  context.fillRect(from, Math.min(zero, end), to - from, Math.abs(end - zero));
}

function line(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function coloursOf(element: Element): (name: string) => string {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name);
}
