/** A page for each kind of feed-forward layer: its idea, who is routed where, its equations, what it costs, and its source. */
import { type Html, html } from '../../src/compare/report/html.ts';
import type { FeedForwardKind } from '../../src/training/feed-forward/kind.ts';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { SURVEY } from '../../src/variants/survey.ts';
import { addressOfLesson, LESSON_OF_LAYERS } from '../course/index.ts';
import { type LayerNotes, layerNotesOf } from '../papers/layers.ts';
import { AnnotatedFile } from '../source/annotated.ts';
import { definitionsIn, fileAnchor, filesOfLayer, type ShownFile } from '../source/files.ts';
import { lawsOf } from '../source/laws.ts';
import { PageLinks } from '../source/paper.ts';
import { displayed, prose } from '../source/typeset.ts';
import { costSection } from './layer/cost.ts';
import { layerOptions } from './layer/options.ts';
import { pictureSection } from './layer/picture.ts';
import { layerRuns } from './layer/runs.ts';
import { type Page, pathLabel } from './page.ts';

interface Section {
  id: string;
  title: string;
  body: Html | null;
}

export async function layerPages(): Promise<Page[]> {
  return Promise.all(FEED_FORWARD_KINDS.map((kind) => layerPage(kind)));
}

export async function layerPage(kind: FeedForwardKind, notes = layerNotesOf(kind.name)): Promise<Page> {
  const { name, papers } = kind;
  const files = await filesOfLayer(name);
  const [main] = files;
  // Equations have the names of their papers, of which one file may cite several: no number alone leads to one.
  const links = new PageLinks({ equations: [] }, definitionsIn(files));
  const sections: Section[] = [
    { id: 'see-it', title: 'Who is routed where', body: notes.picture && pictureSection(name, notes.picture) },
    { id: 'lines', title: 'The equations and their lines', body: equationsSection(notes, files, links) },
    { id: 'cost', title: 'What it costs', body: costSection(kind) },
    { id: 'options', title: 'Options', body: layerOptions(kind) },
    { id: 'laws', title: 'The laws that it keeps', body: lawsSection(files) },
    { id: 'measured', title: 'Trained', body: layerRuns(name) },
    { id: 'source', title: 'The whole source', body: sourceSection(files, links) },
    { id: 'paper', title: papers.length === 1 ? 'The paper' : 'The papers', body: papersSection(kind) },
  ];
  const shown = sections.filter(({ body }) => body !== null);
  const [{ authors, year }] = papers;
  return {
    path: `layers/${name}.html`,
    title: notes.title,
    description: `${name}: a feed-forward layer (${authors} ${year}), who is routed where, its equations beside their lines, and what it costs.`,
    body: html`<div class="variant">
<header class="opening-variant">
<p class="eyebrow"><a href="../survey.html#rows">Feed-forward layer</a> · ${papers.map((paper, n) => `${n === 0 ? '' : ', '}${paper.authors} ${paper.year}`)}</p>
<h1>${notes.title}</h1>
<p class="lead">${prose(notes.idea)}</p>
${lesson()}</header>
<nav class="contents" aria-label="On this page"><ul>
${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ul></nav>
<div class="idea">
${new AnnotatedFile(main, links).introduction()}${factsOf(kind)}
</div>
${shown.map(({ id, title, body }) => html`<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${body}\n</section>\n`)}${otherLayers(name)}</div>`,
    maths: true,
    wide: true,
    scripts: ['layer'],
  };
}

/** Where the course says what such a layer is for. */
function lesson(): Html {
  const { lesson: own, number } = LESSON_OF_LAYERS;
  return html`<p class="explained">In the course: <a href="../${addressOfLesson(own)}">${number}. ${own.title}</a></p>
`;
}

function factsOf({ name }: FeedForwardKind): Html {
  const rows = SURVEY.filter(({ layer }) => layer?.kind === name);
  const commands = rows.map(({ model, layer }) => {
    const options = Object.entries(layer?.options ?? {}).map(
      ([option, value]) => ` --feed-forward-option ${option}=${value}`,
    );
    return html`<div class="fact"><dt>${model}</dt><dd><code>--feed-forward ${name}${options}</code></dd></div>\n`;
  });
  return html`<aside class="card facts" aria-label="Facts">
<dl>
<div class="fact"><dt>Name</dt><dd><code>${name}</code></dd></div>
<div class="fact"><dt>Source</dt><dd><a href="#source"><code>${name}.ts</code></a></dd></div>
${commands}</dl>
</aside>`;
}

function equationsSection(
  { equations, goodFor, badFor }: LayerNotes,
  files: readonly ShownFile[],
  links: PageLinks,
): Html | null {
  if (equations.length === 0) return null;
  const parts = equations.map(({ label, tex, says, code }) => {
    const file = files.find((each) => each.name === code.file);
    const start = file?.lines.findIndex((line) => line.includes(code.from)) ?? -1;
    const end = file?.lines.findIndex((line, n) => n >= start && line.includes(code.to)) ?? -1;
    if (file === undefined || start < 0 || end < 0) {
      throw new Error(
        `site/papers/layers.ts: ${label}: no lines from '${code.from}' to '${code.to}' in ${code.file}.ts`,
      );
    }
    return html`<li><div><h3>${label}</h3>
${displayed(tex)}
<p>${prose(says)}</p></div>
${new AnnotatedFile(file, links).excerpt({ start, end: end + 1 })}</li>
`;
  });
  return html`<ol class="beside">
${parts}</ol>
<div class="price"><div class="card"><h3>Good for</h3><p>${prose(goodFor)}</p></div>
<div class="card"><h3>Not for</h3><p>${prose(badFor)}</p></div>
</div>`;
}

function lawsSection(files: readonly ShownFile[]): Html | null {
  const parts = lawsOf(files.map(({ name }) => name)).map(
    ({ path, laws }) => html`<h3>${pathLabel(path)}</h3>
<ul>${laws.map((law) => html`<li>${law}</li>\n`)}</ul>
`,
  );
  return parts.length === 0
    ? null
    : html`<p>The names of the tests that hold the layer to its equations.</p>\n${parts}`;
}

function sourceSection(files: readonly ShownFile[], links: PageLinks): Html {
  return html`${files.map((file) => {
    const annotated = new AnnotatedFile(file, links);
    return html`<h3 class="file" id="${fileAnchor(file)}">${pathLabel(file.path)} <span>${file.lines.length} lines</span></h3>
${file.isMain ? null : annotated.introduction()}${annotated.whole()}`;
  })}`;
}

function papersSection({ papers }: FeedForwardKind): Html {
  return html`${papers.map(
    ({ authors, year, title, arxiv }) => html`<p class="citation">${authors} (${year}). <cite>${title}</cite>.
<a href="https://arxiv.org/abs/${arxiv}">arXiv:${arxiv}</a></p>
`,
  )}`;
}

/** The way on from the end of the page. */
function otherLayers(name: string): Html {
  const links = FEED_FORWARD_KINDS.map((other) => {
    const current = other.name === name ? html` aria-current="page"` : null;
    return html`<li><a href="${other.name}.html"${current}>${other.name}</a></li>`;
  });
  return html`<nav class="others" aria-labelledby="others"><h2 id="others">All feed-forward layers</h2>
<div><h3>Layers</h3><ul>${links}</ul></div>
</nav>
`;
}
