/** The course: a page for each lesson, the list of them, and a plan for teachers. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { LESSONS } from '../course/index.ts';
import { PACE, sitting } from '../course/sitting.ts';
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
${inOneSitting()}
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

/** How far two hours lead. */
function inOneSitting(): Html {
  const { lessons, exercises, readingMinutes, writingMinutes, later } = sitting();
  const listed = (numbers: readonly number[]): string => `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
  return html`<h2>In one sitting</h2>
<p>Lessons ${listed(lessons)} with <a href="../exercises.html">exercises</a> ${listed(exercises)} lead from nothing to a window of attention that
you write yourself, and that passes its laws. They take about ${readingMinutes + writingMinutes} minutes: ${readingMinutes} to read and
${writingMinutes} to write. Windows need nothing of lesson ${later}, which can wait.</p>
<p class="note">Counted: ${PACE.wordsAMinute} words a minute, ${PACE.picture} minutes for each picture, one for each equation, each question
and each line of our solutions. The minutes of a lesson are no less than that.</p>`;
}
