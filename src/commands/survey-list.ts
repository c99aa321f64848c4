/** `variants --survey`: every row of the survey's table, what it states, and what we measured of ours. */
import { formatTable, type TableColumn, type TableOptions } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';
import { isHere, SURVEY, SURVEY_CLASSES, type SurveyRow } from '../variants/survey.ts';

/** The table as text, with the words that explain it. */
export function listSurvey(table: TableOptions): string {
  const columns: TableColumn[] = [
    { title: 'model' },
    { title: 'paper', droppable: true },
    { title: 'class', align: 'left' },
    { title: 'stated', align: 'left' },
    { title: 'decodes', droppable: true },
    { title: 'here', align: 'left' },
    { title: 'time' },
    { title: 'memory' },
  ];
  const here = SURVEY.filter(isHere);
  const notes = here.flatMap(({ model, note }) => (note === undefined ? [] : [`${model}: ${note}.`]));
  const classes = Object.entries(SURVEY_CLASSES).map(([short, long]) => `${short} ${long}`);
  const words = [
    `${here.length} of ${SURVEY.length} rows of Table 1 of Tay et al. 2022, Efficient Transformers: A Survey, arXiv:2009.06732, are here.`,
    'Class, stated cost and whether a model decodes are the survey’s. Time and memory are measured exponents: 1 grows in proportion to the length, 2 with its square.',
    'A feed-forward layer is an option of train, beside any attention.',
    `Classes: ${classes.join('; ')}.`,
    ...notes,
  ];
  return [formatTable(columns, SURVEY.flatMap(linesOf), table), wrapLines(words.join('\n'), table.width)].join('\n\n');
}

/** A line for each of our variants of a row, or one that says that there is none. */
function linesOf({ model, authors, year, classes, complexity, decodes, variants, layer }: SurveyRow): string[][] {
  const stated = [model, `${authors} ${year}`, classes.join('+'), complexity, decodes ? 'yes' : 'no'];
  if (layer !== undefined) return [[...stated, `--feed-forward ${layer.kind}`, '', '']];
  if (variants.length === 0) return [[...stated, 'not yet', '', '']];
  return variants.map(({ name, time, memory }, at) => [
    ...(at === 0 ? stated : stated.map(() => '')),
    name,
    time?.toFixed(2) ?? '',
    memory?.toFixed(2) ?? '',
  ]);
}
