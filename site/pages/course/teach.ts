/** For teachers: a plan for one lecture and one for a term, from the lessons that there are. */
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { LESSONS } from '../../course/index.ts';
import type { Page } from '../page.ts';
import { written } from './text.ts';

/** What a lecture of ninety minutes shows, in its order: a lesson, how long, and what to do with it. */
const LECTURE: readonly { lesson: string; minutes: number; plan: string }[] = [
  {
    lesson: 'attention',
    minutes: 20,
    plan: 'Compute the three tokens at the board. Then let the audience find a query that picks token 2, and look at one head of MiniLM.',
  },
  { lesson: 'block', minutes: 10, plan: 'Six heads at once. Tick Causal. Skip positions.' },
  { lesson: 'quadratic', minutes: 15, plan: 'Everybody presses the button on their own machine. Collect the slopes.' },
  {
    lesson: 'windows',
    minutes: 15,
    plan: 'The first way to compute less: near tokens. Ask what is lost before you show it.',
  },
  {
    lesson: 'kernels',
    minutes: 15,
    plan: 'The second way: another function. Change the order of two products, and the square is gone.',
  },
  {
    lesson: 'choosing',
    minutes: 15,
    plan: 'End with the measurements: what is faster from which length on, and what it costs in error.',
  },
];

/** Weeks of a term: what they are about, and their lessons. */
const TERM: readonly { title: string; lessons: readonly string[]; homework: string }[] = [
  {
    title: 'Attention',
    lessons: ['attention', 'block'],
    homework:
      'Exercises 1 to 3. Compare attention of one head, written in a language of your choice, with the numbers that the first picture saves.',
  },
  {
    title: 'The square, and what is exact',
    lessons: ['quadratic', 'lean'],
    homework:
      'Exercise 4, the online softmax. Show on paper that two parts join to the whole. For those who go on: 17 to 19, reversible layers and gradients.',
  },
  {
    title: 'Fixed patterns',
    lessons: ['windows', 'random'],
    homework: 'Exercises 5 to 7: windows and global tokens. Count the pairs of a pattern by its formula and by a loop.',
  },
  {
    title: 'Patterns from the tokens',
    lessons: ['hashing', 'selection'],
    homework:
      'Exercises 8, 9 and 24: buckets, sorting, and top-k blocks. Plot how often two land in one bucket against their angle.',
  },
  {
    title: 'Few keys',
    lessons: ['low-rank'],
    homework:
      'Exercises 10 and 11. Look in the pictures of the lesson for a head that low rank cannot serve, and say why.',
  },
  {
    title: 'Kernels',
    lessons: ['kernels'],
    homework: 'Exercises 12 and 13. Plot the error of an estimated weight against the number of features.',
  },
  {
    title: 'States',
    lessons: ['recurrence', 'linear-recurrences'],
    homework: 'Exercises 14 to 16 and 20 to 23. Show that a delta rule overwrites where a sum would add.',
  },
  {
    title: 'Training and choosing',
    lessons: ['training', 'choosing'],
    homework:
      'Exercise 25, a variant of one’s own. Repeat one experiment of a paper (`npm start -- reproduce --list`). Say what holds, and what does not.',
  },
];

export function teachPage(): Page {
  const known = new Map(LESSONS.map((lesson, n) => [lesson.name, { lesson, number: n + 1 }]));
  const link = (name: string): Html | null => {
    const found = known.get(name);
    return found === undefined ? null : html`<a href="${name}.html">${found.number}. ${found.lesson.title}</a>`;
  };
  const lecture = LECTURE.filter(({ lesson }) => known.has(lesson));
  const weeks = TERM.map((week) => ({ ...week, lessons: week.lessons.filter((name) => known.has(name)) })).filter(
    ({ lessons }) => lessons.length > 0,
  );
  return {
    path: 'course/teach.html',
    title: 'Teach with this',
    description: 'A plan for one lecture and a plan for a term, from the lessons of the course.',
    body: html`<div class="course">
<p class="eyebrow"><a href="index.html">The course</a></p>
<h1>Teach with this</h1>
<p class="lead">The lessons are yours to use: in a lecture, as homework, on paper. Nothing is sent anywhere, no account is needed, and the
site runs from a disk.</p>
<ul>
<li>Every lesson has an address that stays as it is, and so has every section of it.</li>
<li>Every lesson prints: the controls go, and the answers open.</li>
<li>Every picture can be saved as an SVG. Its numbers are inside, and can be saved by themselves.</li>
<li>Numbers that were measured are read from files under <code>bench/results</code> when the site is built.</li>
<li>Without a network: <code>npm run site</code> writes a folder that opens from a disk. Copy it to a stick.</li>
</ul>
<h2>Exercises</h2>
<p>Most lessons name exercises: a file with a task, its equation and a hole. Students work through <a href="../exercises.html">them in the browser</a>, or
with <code>npm run learn</code>, which grades on each save. For you there is a command that grades the folder of a student, exits with 1 unless all pass, and writes JSON:</p>
<pre class="code" tabindex="0" role="region" aria-label="Command"><code>npm run learn -- grade students/ada --json ada.json</code></pre>
<p class="note">It bounds time and memory, which holds up accidents and not attacks: grade strangers’ files in a container.</p>
<h2>One lecture</h2>
<p>${lecture.reduce((sum, { minutes }) => sum + minutes, 0)} minutes for people who know linear algebra.</p>
<ol>
${lecture.map(({ lesson, minutes, plan }) => html`<li>${link(lesson)}, ${minutes} minutes. ${plan}</li>\n`)}</ol>
<h2>A term</h2>
<p>${weeks.length} sessions. Students read the lessons before, answer the questions, and bring what they could not answer.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Sessions of a term">
<table>
<thead><tr><th scope="col">Session</th><th scope="col">Lessons</th><th scope="col">Homework</th></tr></thead>
<tbody>
${weeks.map(
  (
    { title, lessons, homework },
    n,
  ) => html`<tr><th scope="row">${n + 1}. ${title}</th><td>${lessons.map((name, at) => html`${at === 0 ? null : raw('<br>')}${link(name)}`)}</td><td>${written(homework)}</td></tr>
`,
)}</tbody>
</table>
</div>
</div>`,
  };
}
