/** The runs of recipes that trained a feed-forward layer, with their results. */
import { readTraining } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatPercent } from '../../../src/terminal/format.ts';
import { runsOf } from '../../../src/training/recipes/recipe.ts';
import { recipes } from '../../../src/training/recipes/registry.ts';
import { evidenceLine, trainingEvidence } from '../overview/links.ts';

/** Null where none was trained. */
export function layerRuns(kind: string): Html | null {
  const results = readTraining()?.rows ?? [];
  const rows = recipes.flatMap((recipe) =>
    runsOf(recipe).flatMap(({ name, settings }) => {
      const layers = [settings.model.feedForward ?? []].flat();
      if (!layers.some((layer) => layer.kind === kind)) return [];
      const own = results.filter((row) => row.recipe === recipe.name && row.name === name);
      if (own.length === 0) return [];
      const accuracies = own.map(({ accuracy }) => (accuracy === null ? '–' : formatPercent(accuracy))).join(', ');
      return [
        html`<tr><th scope="row">${recipe.name}: ${name}</th><td>${own.map(({ seed }) => seed).join(', ')}</td><td>${accuracies}</td></tr>\n`,
      ];
    }),
  );
  if (rows.length === 0) return null;
  return html`<div class="scroll counts" tabindex="0" role="region" aria-label="Runs of recipes">
<table>
<thead><tr><th scope="col">Run</th><th scope="col">Seeds</th><th scope="col">Accuracy</th></tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>
${evidenceLine(trainingEvidence)}`;
}
