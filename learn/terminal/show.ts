/** A verdict as text: what passed, what failed on which input, expected beside got, the mistake that it looks like. */

import { weightShading } from '../../src/compare/patterns/shade.ts';
import { drawCell } from '../../src/compare/patterns/terminal.ts';
import { paint, type Style } from '../../src/terminal/colour.ts';
import { proseWidth, wrap } from '../../src/terminal/width.ts';
import type { Exercise } from '../exercise.ts';
import { asSentence, type Failure } from '../failure.ts';
import type { Verdict } from '../grade.ts';
import { indented, largestWeight, valueText } from '../value-text.ts';

export interface Look {
  readonly colour: boolean;
  /** Of the terminal; absent where there is none. */
  readonly width?: number;
}

/** Ends without a newline. `file` is the learner's, for places in it. */
export function formatVerdict(exercise: Exercise, verdict: Verdict, file: string, look: Look): string {
  const prose = (text: string) => wrap(text, proseWidth(look.width)).join('\n');
  const style = (name: Style, text: string) => (look.colour ? paint(name, text) : text);
  const { failure, laws, printed } = verdict;
  const lines = laws.map(({ name, passed }) => `${passed ? style('good', '✓') : style('bad', '✗')} law: ${name}`);
  const untried = exercise.laws.length - laws.length;
  if (untried > 0 && laws.length > 0)
    lines.push(style('dim', `· ${untried} more law${untried === 1 ? '' : 's'} not tried yet`));
  const parts = [lines.join('\n')];
  if (failure !== null) {
    const place =
      failure.line === null ? '' : ` ${file}:${failure.line}${failure.column === null ? '' : `:${failure.column}`}`;
    parts.push(prose(asSentence(failure.sentence)) + (place === '' ? '' : `\n${style('bold', ` ${place}`)}`));
    parts.push(...formatInput(failure, look, style, prose));
    if (failure.mistake !== null) {
      parts.push(prose(`Known mistake, “${failure.mistake.name}”: ${failure.mistake.sentence}`));
    }
  }
  if (printed.length > 0) {
    const where = failure?.inputs == null ? '' : ' on this input';
    parts.push(`Your code printed${where}:\n${printed.map((line) => `  ${indented(line, 2)}`).join('\n')}`);
  }
  return parts.filter((part) => part !== '').join('\n\n');
}

type Painter = (name: Style, text: string) => string;

function formatInput(
  { inputs, expected, got, kind, shows }: Failure,
  { colour }: Look,
  style: Painter,
  prose: (text: string) => string,
): string[] {
  if (inputs === null || kind === 'hole') return [];
  const names = Object.keys(inputs);
  const indent = Math.max(...names.map((name) => name.length));
  const input = names.map((name) => `  ${name.padEnd(indent)} = ${indented(valueText(inputs[name]), indent + 5)}`);
  const parts = [`The smallest input found on which the law fails:\n${input.join('\n')}`];
  if (expected === null) return parts;
  if (shows !== undefined) parts.push(prose(`The law compares ${shows}.`));
  const blocks = [
    { title: 'expected', lines: valueText(expected).split('\n') },
    { title: 'got', lines: valueText(got).split('\n') },
  ];
  const left = Math.max(...blocks[0].lines.map((line) => line.length), 'expected'.length);
  const height = Math.max(...blocks.map(({ lines }) => lines.length));
  const rows = [`  ${style('bold', 'expected')}${' '.repeat(left - 8)}   ${style('bold', 'got')}`];
  for (let n = 0; n < height; n++) {
    const [one, other] = blocks.map(({ lines }) => lines[n] ?? '');
    rows.push(`  ${one.padEnd(left)}   ${one === other ? other : style('bad', other)}`);
  }
  return [...parts, rows.join('\n'), ...pictures(expected, got, colour)];
}

/**
 * Two heat maps of one scale beside each other, where both are weights and have more than one row and column. None where both
 * look the same.
 */
function pictures(expected: unknown, got: unknown, colour: boolean): string[] {
  const largest = largestWeight(expected, got);
  if (largest === null) return [];
  const shading = weightShading(largest);
  const draw = (matrix: number[][]) =>
    matrix.map((row) => row.map((number) => drawCell(shading(number), colour)).join(''));
  const [one, other] = [draw(expected as number[][]), draw(got as number[][])];
  if (one.join('\n') === other.join('\n')) return [];
  const width = (expected as number[][])[0].length * 2;
  const gap = ' '.repeat(Math.max(3, 11 - width));
  const lines = Array.from({ length: Math.max(one.length, other.length) }, (_, n) => {
    return `  ${one[n] ?? ' '.repeat(width)}${gap}${other[n] ?? ''}`.trimEnd();
  });
  return [`  ${'expected'.padEnd(width + gap.length)}got, as a picture: the stronger, the larger\n${lines.join('\n')}`];
}
