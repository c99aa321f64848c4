/** The exercises, each with its task, a field to write in, hints and our solution; without a script they can be read. */
import type { Exercise } from '../../learn/exercise.ts';
import { exercises } from '../../learn/exercises/index.ts';
import { asLearner, holeOf, taskOf } from '../../learn/hole.ts';
import { solutionOf } from '../../learn/terminal/texts.ts';
import { type Html, html } from '../../src/compare/report/html.ts';
import { addressOfLesson, lessonOfExercise } from '../course/index.ts';
import { token } from '../source/annotated.ts';
import { highlight } from '../source/highlight.ts';
import { type Page, pathLabel } from './page.ts';

export async function exercisesPage(): Promise<Page> {
  const sections: Html[] = [];
  for (const [n, exercise] of exercises.entries()) sections.push(await sectionOf(exercise, n));
  return {
    path: 'exercises.html',
    title: 'Exercises',
    description: `Write attention yourself: ${exercises.length} exercises from softmax on, graded in this page by laws that say what is wrong.`,
    body: html`<h1>Write attention yourself</h1>
<p class="lead">Each exercise has a task, its equation and a hole. Laws say what is wrong, on the smallest input that they find. You need linear algebra and a little TypeScript, and nothing of transformers.</p>
<noscript><p class="card">Grading needs JavaScript. In a terminal, <code>npm run learn</code> does the same.</p></noscript>
<div class="learn">
<nav aria-label="Exercises">
<ol id="exercise-list">${exercises.map(
      ({ name, title }) =>
        html`<li><a href="#${name}">${title}<span class="visually-hidden said"></span> <span class="mark" aria-hidden="true"></span></a></li>\n`,
    )}</ol>
<p class="note" id="solved-count">0 of ${exercises.length} solved</p>
</nav>
<div>
${sections}</div>
</div>
<section aria-labelledby="your-progress">
<h2 id="your-progress">Your progress</h2>
<p>What you write and solve is kept in this browser and goes nowhere else. A file of it can be read here and by <code>npm run learn -- import FILE</code>.</p>
<p class="buttons"><button type="button" class="action" id="export" disabled>Export</button>
<button type="button" class="action" id="import" disabled>Import</button> <input type="file" id="import-file" accept=".json,application/json" aria-label="A file of your progress" hidden>
<button type="button" class="action" id="reset-all" disabled>Reset everything</button></p>
<p id="progress-said" role="status"></p>
</section>
<section aria-labelledby="with-a-class">
<h2 id="with-a-class">With a class</h2>
<p>Collect a folder from each student, with files such as <code>01-softmax.ts</code>. <code>npm run learn -- grade FOLDER --json FILE</code> grades all exercises, writes the result as JSON and exits with 1 unless all pass. The grader holds up accidents, not attacks: for files that you do not trust, run it in a container.</p>
</section>`,
    scripts: ['exercises'],
    wide: true,
  };
}

async function sectionOf(exercise: Exercise, n: number): Promise<Html> {
  const { name, title, hints, see, laws } = exercise;
  const solution = solutionOf(exercise);
  const code = withoutTask(asLearner(solution));
  const hole = withoutTask(holeOf(solution));
  const lines = await highlight(code);
  const next = exercises[n + 1];
  const lesson = lessonOfExercise(name);
  return html`<section class="exercise" id="${name}" aria-labelledby="${name}-title" data-laws="${laws.length}">
<h2 id="${name}-title" tabindex="-1">${n + 1}. ${title}</h2>
${lesson === undefined ? null : html`<p class="note">In the course: <a href="${addressOfLesson(lesson)}">${lesson.title}</a></p>\n`}${taskHtml(taskOf(solution))}
<div class="editor"><textarea aria-label="Your code: ${title}" spellcheck="false" autocomplete="off" autocapitalize="off" rows="${Math.max(10, hole.split('\n').length + 4)}">${`\n${hole}`}</textarea></div>
<p class="buttons"><button type="button" class="action primary run" disabled aria-keyshortcuts="Control+Enter">Grade</button>
<button type="button" class="action reset" disabled>Start over</button> <span class="note">or Ctrl-Enter in the code</span></p>
<div class="verdict" role="status"></div>
${hints.map((hint, at) => html`<details class="hint"><summary>Hint ${at + 1} of ${hints.length}</summary><p>${inlineCode(hint)}</p></details>\n`)}<details class="solution"><summary>Our solution</summary>
<pre class="card" tabindex="0" role="region" aria-label="Our solution: ${title}"><code>${lines.map((line) => html`${line.map(token)}\n`)}</code></pre>
<p class="note">In this project: ${pathLabel(see)}</p></details>
${next === undefined ? null : html`<p><a href="#${next.name}">Next: ${next.title}</a></p>`}
</section>
`;
}

/** The task stands above the field already. */
function withoutTask(solution: string): string {
  return solution.replace(/^\/\*\*[\s\S]*?\*\/\n+/, '').trimEnd();
}

/** Paragraphs and, indented, equations. Its first paragraph is the title. */
function taskHtml(task: string): Html[] {
  return task
    .split('\n\n')
    .slice(1)
    .map((part) => {
      if (/^ {2,}/m.test(part)) return html`<pre class="equation">${part.replace(/^ {4}/gm, '')}</pre>\n`;
      const [, label, rest] = /^(Task|Source): ([\s\S]*)$/.exec(part) ?? [null, null, part];
      return html`<p${label === 'Source' ? html` class="note"` : null}>${label === null ? null : html`<strong>${label}:</strong> `}${inlineCode(rest)}</p>\n`;
    });
}

function inlineCode(text: string): Html[] {
  return text
    .split(/(`[^`]+`)/)
    .map((part) => (part.startsWith('`') ? html`<code>${part.slice(1, -1)}</code>` : html`${part}`));
}
