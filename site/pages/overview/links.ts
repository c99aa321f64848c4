/** What the parts of the overview refer to: pages, files of raw numbers, and the commands that write these anew. */
import { COMPARE_COMMAND } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { FEED_FORWARD_KINDS } from '../../../src/training/feed-forward/registry.ts';

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

/** Every feed-forward layer, as links from the root of the site. */
export function layerLinks(): Html[] {
  const last = FEED_FORWARD_KINDS.length - 1;
  return FEED_FORWARD_KINDS.map(({ name }, index) => {
    const between = index === 0 ? '' : index === last ? ' and ' : ', ';
    return html`${between}<a href="layers/${name}.html">${name}</a>`;
  });
}

/** Where a claim comes from. */
export interface Evidence {
  file: string;
  command: string;
  /** What the command does to the file. */
  how: 'written by' | 'tested by';
}

/** Of one suite of the bench. */
export function suiteEvidence(suite: string): Evidence {
  return { file: `bench/results/${suite}.json`, command: `npm run bench -- --suite ${suite}`, how: 'written by' };
}

export const comparisonEvidence: Evidence = {
  file: 'bench/results/compare.json',
  command: COMPARE_COMMAND,
  how: 'written by',
};

export const trainingEvidence: Evidence = {
  file: 'bench/results/training/summary.json',
  command: 'npm run recipes',
  how: 'written by',
};

export function evidenceLine({ file, how, command }: Evidence): Html {
  return html`<p class="evidence">Source: <code>${file}</code>, ${how} <code>${command}</code></p>`;
}
