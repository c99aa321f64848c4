/** The page of a lesson, from its declaration. */
import { exercises } from '../../../learn/exercises/index.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { findVariant } from '../../../src/variants/registry.ts';
import type { Citation } from '../../../src/variants/variant.ts';
import { LESSONS } from '../../course/index.ts';
import type { Beside, Lesson } from '../../course/lesson.ts';
import { AnnotatedFile } from '../../source/annotated.ts';
import { readFile, type ShownFile } from '../../source/files.ts';
import { PageLinks } from '../../source/paper.ts';
import { displayed } from '../../source/typeset.ts';
import { type Page, pathLabel } from '../page.ts';
import { figureOf } from './figure.ts';
import { paragraphs, written } from './text.ts';

interface Section {
  id: string;
  title: string;
  body: Html;
}

export async function lessonPage(lesson: Lesson, number: number): Promise<Page> {
  const { name, title, minutes, lead } = lesson;
  const sections = await sectionsOf(lesson);
  return {
    path: `course/${name}.html`,
    title: `Lesson ${number}: ${title}`,
    description: plain(lead),
    body: html`<div class="variant lesson">
<header class="opening-variant">
<p class="eyebrow"><a href="index.html">The course</a> · lesson ${number} of ${LESSONS.length} · about ${minutes} minutes</p>
<h1>${title}</h1>
<p class="lead">${written(lead)}</p>
</header>
<nav class="contents" aria-label="On this page"><ul>
${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>\n`)}</ul></nav>
${sections.map(({ id, title: name, body }) => html`<section aria-labelledby="${id}">\n<h2 id="${id}">${name}</h2>\n${body}</section>\n`)}${ways(number)}</div>`,
    maths: true,
    wide: true,
    scripts: ['lesson'],
  };
}

async function sectionsOf(lesson: Lesson): Promise<Section[]> {
  const { idea, picture, more = [], equations, givesUp, questions, takeaways } = lesson;
  const sections: Section[] = [
    { id: 'idea', title: 'The idea', body: paragraphs(idea) },
    { id: 'see-it', title: 'Try it', body: await figureOf(picture, 'picture') },
  ];
  for (const [n, { title, text, picture: own, table }] of more.entries()) {
    const figure = own === undefined ? null : await figureOf(own, `picture-${n + 2}`);
    const body = html`${paragraphs(text)}${figure}${table === undefined ? null : await table()}`;
    sections.push({ id: `part-${n + 2}`, title, body });
  }
  return [
    ...sections,
    { id: 'lines', title: 'The equations and their lines', body: await besides(equations) },
    {
      id: 'price',
      title: 'What it gives up',
      body: html`${paragraphs(givesUp.text)}${await figureOf(givesUp.picture, 'picture-price')}`,
    },
    {
      id: 'questions',
      title: 'Questions',
      body: html`${questions.map(
        ({ ask, answer }, n) => html`<details class="question"><summary><b>${n + 1}.</b> ${written(ask)}</summary>
${paragraphs(answer)}</details>
`,
      )}`,
    },
    {
      id: 'takeaways',
      title: 'Takeaways',
      body: html`<ul class="takeaways">\n${takeaways.map((each) => html`<li>${written(each)}</li>\n`)}</ul>\n`,
    },
    ...exercisesOf(lesson),
    { id: 'sources', title: 'Sources', body: sourcesOf(lesson) },
  ];
}

/** None where no exercise belongs to the lesson. */
function exercisesOf({ exercises: names }: Lesson): Section[] {
  if (names.length === 0) return [];
  const items = names.map((name) => {
    const at = exercises.findIndex((each) => each.name === name);
    if (at < 0) throw new Error(`there is no exercise ${name}`);
    return html`<li><a href="../exercises.html#${name}">${at + 1}. ${exercises[at].title}</a></li>\n`;
  });
  const body = html`<p>In this browser, or in a terminal by <code>npm run learn</code>. Laws say what is wrong with what you wrote, on the smallest input that
shows it.</p>
<ul>
${items}</ul>
`;
  return [{ id: 'write-it', title: 'Write it yourself', body }];
}

async function besides(equations: readonly Beside[]): Promise<Html> {
  const parts: Html[] = [];
  for (const { label, tex, says, code } of equations) {
    const file: ShownFile = { ...(await readFile(code.file)), isMain: true };
    const start = file.lines.findIndex((line) => line.includes(code.from));
    const end = file.lines.findIndex((line, n) => n >= start && line.includes(code.to));
    if (start < 0 || end < 0) throw new Error(`${label}: no lines from '${code.from}' to '${code.to}' in ${code.file}`);
    const links = new PageLinks({ equations: [] }, new Map());
    parts.push(html`<li><div><h3>${label}</h3>
${displayed(tex)}
<p>${written(says)}</p></div>
<div><p class="note">${pathLabel(code.file)}, lines ${start + 1} to ${end + 1}</p>
${new AnnotatedFile(file, links).excerpt({ start, end: end + 1 })}</div></li>
`);
  }
  return html`<ol class="beside">
${parts}</ol>
`;
}

/** The papers of its variants, each with the page of the variant, and then the others. */
function sourcesOf({ variants, sources }: Lesson): Html {
  const own = variants.map((name) => {
    const paper = findVariant(name)?.paper;
    if (paper === undefined) throw new Error(`there is no variant ${name}`);
    return html`<li>${cited(paper)} Here: <a href="../variants/${name}.html">${name}</a>.</li>\n`;
  });
  return html`<ul class="sources">
${own}${sources.map((source) => html`<li>${cited(source)}</li>\n`)}</ul>
`;
}

function cited({ authors, year, title, arxiv }: Citation): Html {
  const address = arxiv.startsWith('https:') ? arxiv : `https://arxiv.org/abs/${arxiv}`;
  const name = arxiv.startsWith('https:') ? new URL(arxiv).host : `arXiv:${arxiv}`;
  return html`${authors} (${year}). <cite>${title}</cite>. <a href="${address}">${name}</a>.`;
}

function ways(number: number): Html {
  const [before, after] = [LESSONS[number - 2], LESSONS[number]];
  const way = (lesson: Lesson | undefined, rel: string, words: string): Html | null =>
    lesson === undefined
      ? null
      : html`<a rel="${rel}" href="${lesson.name}.html"><span>${words}</span> ${lesson.title}</a>\n`;
  return html`<nav class="ways-on" aria-label="Lessons">
${way(before, 'prev', 'Before')}${way(after, 'next', 'Next')}<a href="index.html"><span>All lessons</span> The course</a>
</nav>
`;
}

const plain = (text: string): string => text.replaceAll(/[`*$]/g, '').replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
