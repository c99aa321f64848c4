/** The survey's table in docs/survey.md, and the measured slopes that `variants --survey` shows, from bench/results/. */
import { needSuite, slopesOf } from '../bench/report/results.ts';
import { allVariants } from '../src/variants/registry.ts';
import { isHere, SURVEY, SURVEY_CLASSES } from '../src/variants/survey.ts';
import { markdown } from './training-summary.ts';

const scaling = needSuite('scaling').rows;

/** src/variants/survey-slopes.ts: the package has no bench/results/. */
export function surveySlopes(): string {
  const names = new Set(SURVEY.flatMap(({ variants }) => variants.map(({ name }) => name)));
  const lines = allVariants().flatMap(({ name }) => {
    if (!names.has(name)) return [];
    const { time, memory } = slopesOf(scaling, name);
    if (time === null) return [];
    const rounded = (slope: number | null) => (slope === null ? 'null' : String(Number(slope.toFixed(2))));
    const key = name.includes('-') ? `'${name}'` : name;
    return [`  ${key}: { time: ${rounded(time)}, memory: ${rounded(memory)} },`];
  });
  return `/** Written by \`npm run readme\` from \`npm run bench -- --suite scaling\`: exponents of time and memory over the length. */
export const SURVEY_SLOPES: Readonly<Record<string, { time: number | null; memory: number | null }>> = {
${lines.join('\n')}
};
`;
}

/** The table as Markdown. */
export function surveyTable(): string {
  const rows = SURVEY.flatMap(({ model, authors, year, arxiv, classes, complexity, decodes, variants, layer }) => {
    const stated = [
      `${model} ([${authors} ${year}](https://arxiv.org/abs/${arxiv}))`,
      classes.join('+'),
      complexity,
      decodes ? 'yes' : '',
    ];
    if (layer !== undefined) return [[...stated, `[feed-forward ${layer.kind}](../${layer.file})`, '', '']];
    if (variants.length === 0) return [[...stated, 'not yet', '', '']];
    return variants.map(({ name }, at) => {
      const { time, memory } = slopesOf(scaling, name);
      const link = `[${name}](../src/variants/${name}.ts)`;
      return [...(at === 0 ? stated : stated.map(() => '')), link, time?.toFixed(2) ?? '', memory?.toFixed(2) ?? ''];
    });
  });
  const here = SURVEY.filter(isHere);
  const notes = here.flatMap(({ model, note }) => (note === undefined ? [] : [`- ${model}: ${note}.`]));
  const classes = Object.entries(SURVEY_CLASSES).map(([short, long]) => `${short} ${long}`);
  const titles = ['model', 'class', 'stated', 'decodes', 'here', 'time slope', 'memory slope'];
  return `${here.length} of ${SURVEY.length} rows are here.

${markdown(titles, rows)}

Classes: ${classes.join('; ')}.

${notes.join('\n')}`;
}
