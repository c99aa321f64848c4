/** The table under the plots: every run of the visit, with the colour and the marker that it has in them. */
import { signOf } from '../../../src/compare/report/looks.ts';
import { seriesColour } from '../../../src/compare/report/style.ts';
import { formatError, formatMilliseconds, formatPercent } from '../../../src/terminal/format.ts';
import type { Curve } from './curve.ts';
import { goalText, nameOf } from './words.ts';

export interface Actions {
  metrics(curve: Curve): void;
  remove(curve: Curve): void;
}

export class RunsTable {
  readonly #body: HTMLElement;
  readonly #empty: Element[];
  readonly #actions: Actions;
  readonly #rows = new Map<Curve, HTMLTableRowElement>();

  /** `body` holds what is shown as long as there is no run. */
  constructor(body: HTMLElement, actions: Actions) {
    this.#body = body;
    this.#empty = [...body.children];
    this.#actions = actions;
  }

  /** Rows stay the elements that they are, so that the focus stays in them. `busy`: the one that trains. */
  show(curves: readonly Curve[], busy: Curve | null): void {
    for (const [curve, row] of this.#rows) {
      if (curves.includes(curve)) continue;
      row.remove();
      this.#rows.delete(curve);
    }
    for (const curve of curves) {
      const row = this.#rows.get(curve) ?? this.#add(curve);
      const last = curve.evaluations.at(-1);
      const texts = [
        `${curve.step} of ${curve.steps}`,
        formatMilliseconds(1000 * curve.seconds),
        formatError(curve.points.at(-1)?.smoothed ?? Number.NaN),
        formatError(last?.loss ?? Number.NaN),
        formatPercent(last?.accuracy ?? Number.NaN),
        goalText(curve.reached),
      ];
      texts.forEach((text, n) => {
        const cell = row.cells[n + 2];
        if (cell.textContent !== text) cell.textContent = text;
      });
      const [metrics, remove] = row.querySelectorAll('button');
      metrics.disabled = curve.metrics === null || curve === busy;
      remove.disabled = curve === busy;
    }
    if (curves.length === 0) this.#body.replaceChildren(...this.#empty);
    else for (const each of this.#empty) each.remove();
  }

  #add(curve: Curve): HTMLTableRowElement {
    const row = document.createElement('tr');
    const name = document.createElement('th');
    name.scope = 'row';
    const sign = document.createElement('span');
    sign.textContent = signOf(curve);
    sign.style.color = seriesColour(curve.index);
    sign.className = 'sign';
    sign.setAttribute('aria-hidden', 'true');
    name.append(sign, ` ${curve.choice.recipe} · ${curve.choice.run}`);
    row.append(name);
    const numbers = [String(curve.choice.seed), '', '', '', '', ''];
    for (const text of numbers) row.insertCell().append(text);
    for (const cell of row.querySelectorAll('td')) cell.className = 'number';
    row.insertCell();
    const actions = row.insertCell();
    actions.className = 'row-actions';
    actions.append(
      button('Metrics', `Metrics of ${nameOf(curve.choice)}`, () => this.#actions.metrics(curve)),
      button('Remove', `Remove ${nameOf(curve.choice)} from the plot`, () => this.#actions.remove(curve)),
    );
    this.#body.append(row);
    this.#rows.set(curve, row);
    return row;
  }
}

function button(text: string, label: string, click: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'action small';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', click);
  return made;
}
