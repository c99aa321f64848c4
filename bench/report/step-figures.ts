/** Where the time of a training step goes: a bar an op, the part in its kernels dark, the JavaScript around them light. */
import type { Drawing } from '../../src/compare/report/chart.ts';
import { seriesColour } from '../../src/compare/report/style.ts';
import type { OpProfile } from '../../src/core/profile.ts';
import { formatMilliseconds, formatPercent } from '../../src/terminal/format.ts';

const SHOWN = 14;
const ROW_HEIGHT = 22;
const MARGIN = { top: 8, right: 76, bottom: 8, left: 150 };

interface Bar {
  label: string;
  milliseconds: number;
  kernelMilliseconds: number;
  text: string;
}

/** The longest ops of a step, and the others together. */
export function barsOf(ops: readonly OpProfile[], steps: number): Bar[] {
  const total = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const bar = (label: string, some: readonly OpProfile[]): Bar => {
    const sum = (of: 'milliseconds' | 'kernelMilliseconds') => some.reduce((all, op) => all + op[of], 0);
    const milliseconds = sum('milliseconds');
    const text = `${formatMilliseconds(milliseconds / steps)}, ${formatPercent(milliseconds / total)}`;
    return { label, milliseconds, kernelMilliseconds: Math.min(milliseconds, sum('kernelMilliseconds')), text };
  };
  const shown = ops.slice(0, SHOWN).map((op) => bar(op.backward ? `${op.name}, gradients` : op.name, [op]));
  const others = ops.slice(SHOWN);
  return others.length === 0 ? shown : [...shown, bar(`${others.length} others`, others)];
}

export function drawBars({ plot, document }: Drawing, title: string, bars: readonly Bar[]): string {
  const drawn = plot.plot({
    document,
    width: 560,
    height: MARGIN.top + MARGIN.bottom + ROW_HEIGHT * bars.length,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    style: { fontSize: '12px', fontFamily: 'inherit', background: 'none' },
    x: { label: null, axis: null },
    y: { type: 'band', domain: bars.map(({ label }) => label), label: null, padding: 0.25 },
    marks: [
      plot.barX(bars, { x: 'milliseconds', y: 'label', fill: seriesColour(0), fillOpacity: 0.4 }),
      plot.barX(bars, { x: 'kernelMilliseconds', y: 'label', fill: seriesColour(0) }),
      plot.axisY({ fill: 'var(--text)', tickSize: 0 }),
      plot.text(bars, { x: 'milliseconds', y: 'label', text: 'text', fill: 'var(--text)', textAnchor: 'start', dx: 4 }),
    ],
  });
  drawn.querySelector('style')?.remove();
  for (const name of ['class', 'width', 'height', 'font-family']) drawn.removeAttribute(name);
  drawn.setAttribute('role', 'img');
  drawn.setAttribute('aria-label', title);
  return drawn.outerHTML;
}
