/** A page for each variant: the idea, a panel to play with, why it costs what it does, and its source as a paper. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { addressOfLesson, lessonsOf } from '../course/index.ts';
import { notesOf } from '../papers/index.ts';
import type { PaperNotes } from '../papers/paper.ts';
import { AnnotatedFile } from '../source/annotated.ts';
import { attendLines, definitionsIn, fileAnchor, filesOf, lineAnchor, type ShownFile } from '../source/files.ts';
import { PageLinks, paperSection } from '../source/paper.ts';
import { type Links, prose } from '../source/typeset.ts';
import { familyTitle, variantsByFamily } from './families.ts';
import { labOf } from './lab.ts';
import { type Page, pathLabel } from './page.ts';
import { costSection } from './variant/cost.ts';
import { facts } from './variant/facts.ts';
import { measuredSection } from './variant/measured.ts';
import { optionsSection } from './variant/options.ts';

/** A part of the page, which its own table of contents leads to. */
interface Section {
  id: string;
  title: string;
  /** Where the title is long for a line of links. */
  short: string;
  body: Html;
}

export async function variantPages(): Promise<Page[]> {
  const pages: Page[] = [];
  for (const variant of allVariants()) pages.push(await variantPage(variant));
  return pages;
}

export async function variantPage(variant: AnyVariant, notes = notesOf(variant.name)): Promise<Page> {
  const { name, paper } = variant;
  const files = await filesOf(name);
  const [main] = files;
  const links = new PageLinks(notes, definitionsIn(files));
  // In the order of the page, but the paper last: it says where it was cited.
  const introduction = new AnnotatedFile(main, links).introduction();
  const lines = linesSection(main, links);
  const source = sourceSection(files, links);
  const sections: Section[] = [
    { id: 'see-it', title: 'Try it', short: 'Try it', body: labOf({ variant: name }) },
    {
      id: 'cost',
      title: `Why it costs ${variant.complexity}`,
      short: `Why ${variant.complexity}`,
      body: costSection(variant, notes, links),
    },
    { id: 'lines', title: 'The lines that compute it', short: 'The lines', body: lines },
    {
      id: 'price',
      title: 'What it gives up, and when to use it',
      short: 'What it gives up',
      body: price(notes, links),
    },
    { id: 'options', title: 'Options', short: 'Options', body: optionsSection(variant, notes, links) },
    { id: 'measured', title: 'Measured', short: 'Measured', body: await measuredSection(name) },
    source,
    { id: 'paper', title: 'The paper', short: 'The paper', body: paperSection(paper, notes, links) },
  ];
  return {
    path: `variants/${name}.html`,
    title: notes.title,
    description: `${name}: ${paper.title} (${paper.authors} ${paper.year}), its source beside the paper’s equations.`,
    body: html`<div class="variant">
<header class="opening-variant">
<p class="eyebrow"><a href="../index.html?family=${variant.family}#families">${familyTitle(variant.family)}</a> · ${paper.authors} ${paper.year}</p>
<h1>${notes.title}</h1>
<p class="lead">${prose(notes.idea)}</p>
${lessons(name)}</header>
${contents(sections)}
<div class="idea">
${introduction}${facts(variant)}
</div>
${sections.map(section)}${otherVariants(variant)}</div>`,
    maths: true,
    wide: true,
    scripts: ['variant'],
  };
}

/** The lessons of the course that explain it; full attention is in all of them. */
function lessons(name: string): Html | null {
  const links = lessonsOf(name).map(({ lesson, number }, n) => {
    return html`${n === 0 ? '' : ', '}<a href="../${addressOfLesson(lesson)}">${number}. ${lesson.title}</a>`;
  });
  return links.length === 0 ? null : html`<p class="explained">In the course: ${links}</p>\n`;
}

function section({ id, title, body }: Section): Html {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${body}
</section>
`;
}

function contents(sections: readonly Section[]): Html {
  const items = sections.map(({ id, short }) => html`<li><a href="#${id}">${short}</a></li>\n`);
  return html`<nav class="contents" aria-label="On this page"><ul>
${items}</ul></nav>
`;
}

function linesSection(main: ShownFile, links: PageLinks): Html {
  const annotated = new AnnotatedFile(main, links);
  const excerpts = attendLines(main);
  const [{ start, end }] = excerpts;
  // A remark before it has no place of its own on the page: its code has.
  const first = main.lines.findIndex((line, n) => n >= start && !/^\s*(\/?\*|\/\/)/.test(line));
  return html`<p>This is <code>attend</code>, from <a href="#${lineAnchor(main, first)}">lines ${start + 1} to ${end}</a> of the source below${
    excerpts.length === 1 ? '' : ', and the functions that it calls'
  }.</p>
${excerpts.map((lines) => annotated.excerpt(lines))}`;
}

function sourceSection(files: readonly ShownFile[], links: PageLinks): Section {
  const [main, ...companions] = files;
  const parts = files.map((file) => {
    const annotated = new AnnotatedFile(file, links);
    const lineCount = `${file.lines.length} lines`;
    return html`<h3 class="file" id="${fileAnchor(file)}">${pathLabel(file.path)} <span>${lineCount}</span></h3>
${file === main ? null : annotated.introduction()}${annotated.whole()}`;
  });
  const linked = companions.map((file, index) => {
    const between = index === 0 ? '' : index === companions.length - 1 ? ' and ' : ', ';
    return html`${between}<a href="#${fileAnchor(file)}"><code>${file.name}.ts</code></a>`;
  });
  const verb = companions.length === 1 ? 'follows' : 'follow';
  const among = companions.length === 0 ? null : html` It imports ${linked}, which ${verb} below.`;
  return {
    id: 'source',
    title: 'The whole source',
    short: 'Source',
    body: html`<p>This is the whole file. Its comments stand on the left of their code, and its first comment is the introduction at the top of this
page.${among}</p>
${parts}`,
  };
}

function price({ givesUp, goodFor, badFor }: PaperNotes, links: Links): Html {
  const cards = [
    ['It gives up', givesUp],
    ['Good for', goodFor],
    ['Not for', badFor],
  ]
    .filter(([, text]) => text !== '')
    .map(([title, text]) => html`<div class="card"><h3>${title}</h3><p>${prose(text, links)}</p></div>\n`);
  return html`<div class="price">
${cards}</div>`;
}

/** The way on from the end of the page, by family. */
function otherVariants({ name, family }: AnyVariant): Html {
  const families = variantsByFamily().map(({ title, family: each, variants }) => {
    const links = variants.map((other) => {
      const current = other.name === name ? html` aria-current="page"` : null;
      return html`<li><a href="${other.name}.html"${current}>${other.name}</a></li>`;
    });
    return html`<div${each === family ? html` class="kin"` : null}><h3>${title}</h3><ul>${links}</ul></div>
`;
  });
  return html`<nav class="others" aria-labelledby="others"><h2 id="others">All variants</h2>
${families}</nav>
`;
}
