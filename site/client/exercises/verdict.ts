/** A verdict as elements: laws, the sentence, the smallest input, expected beside got as numbers and as pictures. */
import { asSentence } from '../../../learn/failure.ts';
import type { Verdict } from '../../../learn/grade.ts';
import { indented, isMatrix, largestWeight, valueText } from '../../../learn/value-text.ts';
import { weightShading } from '../../../src/compare/patterns/shade.ts';

/** What is asked of the page: to go to a line. */
type GoTo = (line: number, column: number | null) => void;

export function verdictParts({ laws, failure, printed, passed }: Verdict, count: number, goTo: GoTo): Node[] {
  const parts: Node[] = [];
  if (passed) parts.push(made('p', 'Solved: every law holds.', 'solved'));
  if (failure !== null) {
    const line = made('p', asSentence(failure.sentence), 'problem');
    if (failure.line !== null) {
      const button = made('button', `Line ${failure.line}`, 'action small');
      const { line: at, column } = failure;
      button.type = 'button';
      button.onclick = () => goTo(at, column);
      line.append(' ', button);
    }
    parts.push(line);
    if (failure.mistake !== null) {
      const known = made('p', '', 'mistake');
      known.append(made('strong', `Known mistake, “${failure.mistake.name}”: `), failure.mistake.sentence);
      parts.push(known);
    }
  }
  if (laws.length > 0) {
    const list = made('ul', '', 'laws');
    for (const law of laws) list.append(made('li', `${law.passed ? '✓ holds' : '✗ fails'}: ${law.name}`));
    if (laws.length < count) list.append(made('li', `${count - laws.length} more not tried yet`, 'note'));
    parts.push(list);
  }
  const print =
    printed.length > 0 ? [made('h4', 'Your code printed'), block(printed.join('\n'), 'What your code printed')] : [];
  if (failure === null || failure.inputs === null || failure.kind === 'hole') return [...parts, ...print];
  const inputs = Object.entries(failure.inputs).map(([name, value]) => {
    return `${name} = ${indented(valueText(value), name.length + 3)}`;
  });
  parts.push(made('h4', 'The smallest input found on which the law fails'), block(inputs.join('\n'), 'Input'));
  if (failure.expected === null) return [...parts, ...print];
  if (failure.shows !== undefined) parts.push(made('p', `The law compares ${failure.shows}.`));
  const beside = made('div', '', 'beside-each-other');
  const largest = largestWeight(failure.expected, failure.got);
  for (const [title, value] of [
    ['Expected', failure.expected],
    ['Got', failure.got],
  ] as const) {
    const side = made('div', '');
    side.append(made('h4', title), block(valueText(value), title));
    if (largest !== null && isMatrix(value)) side.append(picture(value, largest));
    beside.append(side);
  }
  return [...parts, beside, ...print];
}

/** Cells in the shades of the site's other matrices; the numbers above say the same to those who do not see it. */
function picture(matrix: number[][], largest: number): SVGElement {
  const shading = weightShading(largest);
  const svg = document.createElementNS(SVG, 'svg');
  const width = Math.max(...matrix.map((row) => row.length));
  svg.setAttribute('viewBox', `0 0 ${width} ${matrix.length}`);
  svg.setAttribute('class', 'cells');
  svg.setAttribute('aria-hidden', 'true');
  svg.style.width = `${width * 18}px`;
  matrix.forEach((row, y) => {
    row.forEach((number, x) => {
      const shade = Number.isFinite(number) ? shading(number) : 0;
      const cell = document.createElementNS(SVG, 'rect');
      for (const [name, value] of Object.entries({ x, y, width: 1, height: 1 })) cell.setAttribute(name, String(value));
      cell.style.fill = shade === 0 ? 'none' : `var(--${shade > 0 ? 's' : 'n'}${Math.abs(shade)})`;
      svg.append(cell);
    });
  });
  return svg;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Text in columns, which scrolls by keyboard where it is wide. */
function block(text: string, label: string): HTMLElement {
  const pre = made('pre', text, 'card');
  pre.tabIndex = 0;
  pre.setAttribute('role', 'region');
  pre.setAttribute('aria-label', label);
  return pre;
}

function made<K extends keyof HTMLElementTagNameMap>(tag: K, text: string, kind = ''): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind !== '') element.className = kind;
  return element;
}
