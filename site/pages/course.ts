/** The course: a page for each lesson, the list of them, and a plan for teachers. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { LESSONS } from '../course/index.ts';
import { lessonPage } from './course/lesson.ts';
import { teachPage } from './course/teach.ts';
import { written } from './course/text.ts';
import type { Page } from './page.ts';

export async function coursePages(): Promise<Page[]> {
  const pages: Page[] = [coursePage(), teachPage()];
  for (const [n, lesson] of LESSONS.entries()) pages.push(await lessonPage(lesson, n + 1));
  return pages;
}

function coursePage(): Page {
  const minutes = LESSONS.reduce((sum, lesson) => sum + lesson.minutes, 0);
  return {
    path: 'course/index.html',
    title: 'The course',
    description:
      'Lessons on efficient transformers, from one token and one head to choosing a variant, with live pictures.',
    body: html`<div class="course">
<h1>The course</h1>
<p class="lead">What attention computes, why it costs so much, and what to do about it. You need linear algebra; you need not have seen
a transformer. ${LESSONS.length} lessons, about ${Math.round(minutes / 60)} hours in all.</p>
<p>Each lesson has pictures that the library draws in this page while you change them, the equations beside the lines of code that
compute them, what the method gives up, and a few questions.</p>
<ol class="lessons">
${LESSONS.map(item)}</ol>
<p><a href="teach.html">Teach with this</a>: a plan for one lecture and for a term.</p>
</div>`,
    maths: true,
    scripts: ['lesson'],
  };
}

const item = ({ name, title, minutes, lead }: (typeof LESSONS)[number]): Html =>
  html`<li><a href="${name}.html">${title}</a> <span class="note">about ${minutes} minutes</span>
<p>${written(lead)}</p></li>
`;
