/** docs/reproduced.md and its pictures, from the committed results of `reproduce`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { standalonePicture } from '../bench/report/picture.ts';
import type { Chart } from '../src/compare/report/chart.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { countsOf, type Judged } from '../src/reproduce/claims.ts';
import type { Scale } from '../src/reproduce/experiment.ts';
import { describeMachine, describeSettings, type Outcome, outcomeOf, wordsOf } from '../src/reproduce/outcome.ts';
import { experiments } from '../src/reproduce/registry.ts';
import { formatAbout, formatMilliseconds } from '../src/terminal/format.ts';
import { sameAxes } from './same-axes.ts';
import { markdown } from './training-summary.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Of all experiments at one scale. */
export function committedOutcomes(scale: Scale = 'small'): Outcome[] {
  return experiments.map((experiment) => outcomeOf(experiment, scale, join(root, 'bench/results/reproduce')));
}

/** A claim that was tried at the sizes of the paper, and its verdict at the small scale, if it is made there in the same words. */
export interface AtPaperScale extends Judged {
  outcome: Outcome;
  small: Judged | null;
}

/** All that ran at the sizes of the papers, beside `small`; and in words, which experiments did not, and what each would take. */
export function atPaperScale(small: readonly Outcome[]): { claims: AtPaperScale[]; open: string } {
  const outcomes = committedOutcomes('paper');
  const claims = outcomes.flatMap((outcome, at) =>
    outcome.judged.map((each) => {
      const same = small[at].judged.find(({ claim }) => claim.says === each.claim.says);
      return { ...each, outcome, small: same ?? null };
    }),
  );
  const names = outcomes
    .filter(({ results }) => results === null)
    .map(({ experiment: { name, minutes } }) => `${name} (${formatAbout(minutes.paper)})`);
  const open = names.length === 0 ? '' : `Not run at these sizes, with what two cores would take: ${names.join(', ')}.`;
  return { claims, open };
}

/** The sections `claims`, `paper`, `axes` and `experiments`; also draws the figures into docs/reproduced/. */
export async function reproducedSections(): Promise<Record<'claims' | 'paper' | 'axes' | 'experiments', string>> {
  const outcomes = committedOutcomes();
  mkdirSync(join(root, 'docs/reproduced'), { recursive: true });
  const sections: string[] = [];
  for (const outcome of outcomes) sections.push(await sectionOf(outcome));
  return {
    claims: claimsTable(outcomes),
    paper: paperScaleTable(outcomes),
    axes: await axesSection(),
    experiments: sections.join('\n\n'),
  };
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

function paperScaleTable(small: readonly Outcome[]): string {
  const { claims, open } = atPaperScale(small);
  const rows = claims.map(({ outcome, claim, small, expected, ours, verdict, why }) => [
    linkTo(outcome),
    cell(claim.says),
    cell(claim.paper),
    cell(expected),
    small === null ? '—' : cell(`${small.ours}: ${small.verdict}`),
    cell(ours),
    verdict,
    cell(why),
    `\`${wordsOf(outcome.experiment, outcome.scale)} --again\``,
  ]);
  const titles = ['where', 'claim', 'paper', 'expected', 'at the small scale', 'ours', 'verdict', 'why', 'command'];
  return `${countsOf(claims.map(({ verdict }) => verdict))} ${open}\n\n${markdown(titles, rows)}`;
}

function linkTo({ experiment }: Outcome): string {
  return `[${experiment.paper.authors} ${experiment.paper.year}, ${experiment.table.replace('-', ' ')}](#${experiment.name})`;
}

async function sectionOf(outcome: Outcome): Promise<string> {
  const { experiment, scale, results, verdict, seconds, environments } = outcome;
  const { name, title, paper, source } = experiment;
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
    experiment
      .differences(scale)
      .map((each) => `- ${each}`)
      .join('\n'),
    `Settings: ${describeSettings(experiment, scale)}. Took ${formatMilliseconds(1000 * seconds)} on ${environments.map(describeMachine).join('; ')}. [Raw numbers](../bench/results/reproduce/${name}/${scale}.json). Again: \`npm start -- ${wordsOf(experiment, scale)} --again\``,
  ].join('\n\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|');
