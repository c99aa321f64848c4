/** What the parts of the overview refer to: pages, files of raw numbers, and the commands that write these anew. */
import { COMPARE_COMMAND } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';

/** From the overview, which is at the root of the site. */
export function variantLink(name: string): Html {
  return html`<a href="variants/${name}.html">${name}</a>`;
}

/** `a`, `a and b`, `a, b and c`, each a link. */
export function variantLinks(names: readonly string[]): Html[] {
  return names.map((name, index) => {
    const between = index === 0 ? '' : index === names.length - 1 ? ' and ' : ', ';
    return html`${between}${variantLink(name)}`;
  });
}

/** Where a claim comes from. */
export interface Evidence {
  file: string;
  command: string;
}

/** Of one suite of the bench. */
export function suiteEvidence(suite: string): Evidence {
  return { file: `bench/results/${suite}.json`, command: `npm run bench -- --suite ${suite}` };
}

export const comparisonEvidence: Evidence = { file: 'bench/results/compare.json', command: COMPARE_COMMAND };

export const trainingEvidence: Evidence = {
  file: 'bench/results/training/summary.json',
  command: 'npm run recipes',
};

export function evidenceLine({ file, command }: Evidence): Html {
  return html`<p class="evidence">Evidence: <code>${file}</code>, written by <code>${command}</code></p>`;
}
