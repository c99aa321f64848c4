/** docs/reproduced.md and its pictures, from the committed results of `reproduce`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { standalonePicture } from '../bench/report/picture.ts';
import type { Chart } from '../src/compare/report/chart.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { countsOf } from '../src/reproduce/claims.ts';
import { describeMachine, describeSettings, type Outcome, outcomeOf, wordsOf } from '../src/reproduce/outcome.ts';
import { experiments } from '../src/reproduce/registry.ts';
import { formatMilliseconds } from '../src/terminal/format.ts';
import { sameAxes } from './same-axes.ts';
import { markdown } from './training-summary.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Of all experiments at the small scale. */
export function committedOutcomes(): Outcome[] {
  return experiments.map((experiment) => outcomeOf(experiment, 'small', join(root, 'bench/results/reproduce')));
}

/** The sections `claims`, `axes` and `experiments`; also draws the figures into docs/reproduced/. */
export async function reproducedSections(): Promise<{ claims: string; axes: string; experiments: string }> {
  const outcomes = committedOutcomes();
  mkdirSync(join(root, 'docs/reproduced'), { recursive: true });
  const sections: string[] = [];
  for (const outcome of outcomes) sections.push(await sectionOf(outcome));
  return { claims: claimsTable(outcomes), axes: await axesSection(), experiments: sections.join('\n\n') };
}

async function axesSection(): Promise<string> {
  const parts = sameAxes().map(async ({ chart, words, source }) => {
    await writePicture(chart, 'all variants on the same axes');
    return `![${chart.title}](reproduced/${chart.id}.svg)\n\n${words} [Numbers](../${source})`;
  });
  return (await Promise.all(parts)).join('\n\n');
}

async function writePicture(chart: Chart, subtitle: string): Promise<void> {
  writeFileAtomically(join(root, `docs/reproduced/${chart.id}.svg`), await standalonePicture(chart, subtitle));
}

function claimsTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap((outcome) =>
    outcome.judged.map(({ claim, verdict, ours, why, expected }) => [
      linkTo(outcome),
      cell(claim.says),
      cell(claim.paper),
      cell(expected),
      cell(ours),
      verdict,
      cell(why),
      `\`${wordsOf(outcome.experiment, outcome.scale)} --again\``,
    ]),
  );
  const verdicts = outcomes.flatMap(({ judged }) => judged.map(({ verdict }) => verdict));
  const open = outcomes.filter(({ results }) => results === null).map(({ experiment }) => experiment.name);
  return `${countsOf(verdicts)}${open.length === 0 ? '' : ` Not run yet: ${open.join(', ')}.`}

${markdown(['where', 'claim', 'paper', 'expected', 'ours', 'verdict', 'why', 'command'], rows)}`;
}

function linkTo({ experiment }: Outcome): string {
  return `[${experiment.paper.authors} ${experiment.paper.year}, ${experiment.table.replace('-', ' ')}](#${experiment.name})`;
}

async function sectionOf(outcome: Outcome): Promise<string> {
  const { experiment, scale, results, verdict, seconds, environments } = outcome;
  const { name, title, paper, source, differences } = experiment;
  const heading = `### ${name}

${title}. [${paper.authors} ${paper.year}](https://arxiv.org/abs/${paper.arxiv}), ${source}.`;
  if (results === null) return `${heading}\n\nNot run yet.`;
  const { titles, rows } = experiment.show(results, scale);
  const charts = experiment.draw(results, scale);
  for (const chart of charts) {
    const subtitle = `${paper.authors} ${paper.year}, ${experiment.table.replace('-', ' ')}`;
    await writePicture(chart, subtitle);
  }
  const pictures = charts.map(({ id, title: what }) => `![${what}](reproduced/${id}.svg)`);
  return [
    heading,
    `Verdict: **${verdict}**.`,
    markdown(
      titles.map(cell),
      rows.map((row) => row.map(cell)),
    ),
    ...(pictures.length === 0 ? [] : [pictures.join('\n')]),
    differences.map((each) => `- ${each}`).join('\n'),
    `Settings: ${describeSettings(experiment, scale)}. Took ${formatMilliseconds(1000 * seconds)} on ${environments.map(describeMachine).join('; ')}. [Raw numbers](../bench/results/reproduce/${name}/${scale}.json). Again: \`npm start -- ${wordsOf(experiment, scale)} --again\``,
  ].join('\n\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|');
