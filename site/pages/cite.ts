/** How to cite the library and the papers in it, and where the source is. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { variantsByFamily } from './families.ts';
import type { Page } from './page.ts';
import { PAPER_AUTHORS } from './paper-authors.ts';
import { bibtexOf, projectFacts, referenceOf } from './project.ts';

type Paper = AnyVariant['paper'];

export function citePage(): Page {
  const project = projectFacts();
  return {
    path: 'cite.html',
    title: 'How to cite',
    description: 'How to cite this library and the papers whose variants it implements, and where to read its source.',
    body: html`<h1>How to cite</h1>
<p class="lead">Cite the paper of each variant and layer that you use. Cite this library if you use its code or its measurements.</p>
<section aria-labelledby="library">
<h2 id="library">This library</h2>
<p>${referenceOf(project)}</p>
${code(bibtexOf(project), 'BibTeX of this library')}
</section>
<section aria-labelledby="papers">
<h2 id="papers">The papers</h2>
${papersByFamily()}
${feedForwardPapers()}
</section>
<section aria-labelledby="source">
<h2 id="source">Where the source is</h2>
${project.url === null ? null : html`<p>The repository is <a href="${project.url}">${project.url}</a>.</p>`}
<p>The page of each variant ends with its whole source: see <a href="variants/longformer.html#source">Longformer’s</a>. The ops that variants share have
pages too: see <a href="ops/attention.html">attention</a>. The <a href="api/index.html">API reference</a> lists what the package exports, and
each entry links to its source.</p>
</section>`,
  };
}

function papersByFamily(): Html[] {
  return variantsByFamily().map(
    ({ title, variants }) => html`<h3>${title}</h3>
${code(papersOf(variants).map(bibtexOfPaper).join('\n\n'), `BibTeX: ${title}`)}
`,
  );
}

/** Of the feed-forward layers, those that no variant is from. */
function feedForwardPapers(): Html {
  const cited = new Set(allVariants().map(({ paper }) => paper.arxiv));
  const papers = FEED_FORWARD_KINDS.flatMap((kind) => kind.papers).filter(({ arxiv }) => !cited.has(arxiv));
  const title = 'Sparse feed-forward layers';
  return html`<h3>${title}</h3>
${code(onceEach(papers).map(bibtexOfPaper).join('\n\n'), `BibTeX: ${title}`)}`;
}

const papersOf = (variants: readonly AnyVariant[]): Paper[] => onceEach(variants.map(({ paper }) => paper));

/** Two variants of one paper cite it once. */
function onceEach(papers: readonly Paper[]): Paper[] {
  return [...new Map(papers.map((paper) => [paper.arxiv, paper])).values()];
}

/** Every paper of the registry is on arXiv, whose key it has. Of a paper whose authors are not listed, the first is named. */
export function bibtexOfPaper({ authors, year, title, arxiv }: Paper): string {
  const all = PAPER_AUTHORS[arxiv]?.map(inTex).join(' and ');
  const written = all ?? authors.replace(/ et al\.$/, ' and others').replaceAll(' & ', ' and ');
  const key = `${authors.split(' ')[0].toLowerCase()}${year}-${arxiv.replaceAll(/[./]/g, '')}`;
  return `@misc{${key},
  title = {${title}},
  author = {${written}},
  year = {${year}},
  eprint = {${arxiv}},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/${arxiv}},
}`;
}

/** Letters that BibTeX without Unicode does not know. */
function inTex(name: string): string {
  return name.replaceAll('Ł', '{\\L}').replaceAll('ç', '{\\c{c}}').replaceAll('é', "{\\'e}");
}

function code(text: string, label: string): Html {
  return html`<pre class="card" tabindex="0" role="group" aria-label="${label}"><code>${text}</code></pre>`;
}
