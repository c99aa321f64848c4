/** The loss of a run, drawn in the terminal at its end. */
import { supportsColour, type TerminalStream } from '../terminal/colour.ts';
import { formatCurve, showsBraille } from '../terminal/curve.ts';
import { formatError } from '../terminal/format.ts';
import { USUAL_WIDTH } from '../terminal/width.ts';
import type { MetricsLine } from '../training/metrics.ts';
import { widthOf } from './command.ts';

/** Training loss as a line and held-out loss as marks, over steps; as wide as the terminal. May be empty. */
export function lossCurve(lines: readonly MetricsLine[], stdout: TerminalStream): string {
  const losses = (kind: 'steps' | 'evaluation') =>
    lines.filter((line) => line.kind === kind).map(({ step, loss }) => ({ x: step, y: loss ?? Number.NaN }));
  const curve = formatCurve(losses('steps'), losses('evaluation'), {
    width: widthOf(stdout) ?? USUAL_WIDTH,
    plain: !showsBraille(stdout),
    colour: supportsColour(stdout),
    formatX: (step) => `step ${step}`,
    formatY: formatError,
    names: { line: 'loss', marks: 'held out' },
  });
  return curve === '' ? '' : `\n${curve}`;
}
