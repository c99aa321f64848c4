/** Long Range Arena, table 1 (Tay et al. 2021), its column of ListOps: how well models evaluate nested operations. */

import { meanOf } from '../compare/metrics.ts';
import { formatPercent } from '../terminal/format.ts';
import { listopsRecipe } from '../training/recipes/listops.ts';
import { ARENA, ARENA_RUNS, type ArenaRun, isArenaRun, nameOf, namesOf, OTHERS, percents } from './arena-models.ts';
import { atAnyScale, type Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { formatSpread } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { accuraciesOf, recipeUnits } from './recipe-units.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  /** Variants: those of the paper, and others. */
  models: readonly string[];
  seeds: readonly number[];
  steps: number;
}

const ALL: readonly string[] = [...ARENA_RUNS, ...OTHERS];

/** They stay at chance in the paper; the others are at 33.67% and more. */
const isAtChance = (run: ArenaRun) => ARENA[run].listops < 20;
const paperOf = (runs: readonly ArenaRun[]) => runs.map((run) => ARENA[run].listops).sort((a, b) => a - b);

/** Of the models that the paper has and that are trained here, and of no others. */
function claims({ models, seeds }: Given): Claim[] {
  const own = ARENA_RUNS.filter((run) => models.includes(run));
  const [atChance, learn] = [own.filter(isAtChance), own.filter((run) => !isAtChance(run))];
  const others = own.filter((run) => run !== 'reformer');
  const mean = (results: Results, run: ArenaRun) => meanOf(accuraciesOf(results, run, seeds));
  const extreme = (results: Results, runs: readonly ArenaRun[], sign: number) =>
    runs.map((run) => ({ name: nameOf(run), value: mean(results, run) })).sort((a, b) => sign * (a.value - b.value))[0];
  return [
    {
      says: 'Accuracy of the Transformer, mean of seeds',
      paper: percents(ARENA.full.listops),
      holds: {
        kind: 'number',
        read: (results) => mean(results, 'full'),
        expected: ARENA.full.listops / 100,
        within: 0.15,
        format: formatPercent,
      },
    },
    {
      says: `Of the Arena’s models, ${namesOf(atChance)} learn less than ${namesOf(learn)}: the best of those, and the least of these`,
      paper: `${paperOf(atChance).at(-1)}% against ${paperOf(learn)[0]}%`,
      holds: {
        kind: 'rising',
        read: (results) => [extreme(results, atChance, -1), extreme(results, learn, 1)],
        format: formatPercent,
      },
      because: {
        small: {
          'does not hold here':
            'At 64 tokens all of them learn to read the outermost operators. Nothing here asks for a long range.',
        },
      },
    },
    {
      says: `Reformer is the best of ${own.length} models of the Arena: the best of the others, and it`,
      paper: percents(paperOf(others).at(-1)!, ARENA.reformer.listops),
      holds: {
        kind: 'rising',
        read: (results) => [extreme(results, others, -1), { name: 'Reformer', value: mean(results, 'reformer') }],
        format: formatPercent,
      },
      because: atAnyScale({
        'does not hold here': 'In the paper, too, the best six are within two percentage points.',
      }),
    },
  ];
}

export const lraTable1 = defineExperiment<Given>({
  paper: PAPERS.lra,
  table: 'table-1',
  title: 'ListOps at a thirtieth of the Arena’s length',
  source: 'Table 1, column ListOps',
  differences: [
    'Sequences of 64 tokens and one layer of width 64, where the Arena has up to 2000 tokens and more layers.',
    'The numbers are those of the Arena’s own authors. Users of its code report 17.5% for ListOps (google-research/long-range-arena, issue 15), and Xiong et al. 2021 have a better Transformer with code of their own.',
    'Pathfinder and Text are experiments of their own. Retrieval and Image are not repeated: the papers and photographs of the Arena are not shipped with this repository, and made-up texts (the task retrieval) are another task.',
    'Rows without a number of the paper are other variants that read in both directions. No claim speaks of them.',
    'Options are the defaults of this library. Some windows, chunks and blocks hold all 64 tokens or half of them, so that such a variant is close to full attention here.',
    'The claims were first made of nine models, before Sinkhorn and Synthesizer were here. With those two nothing but the models that a claim compares has changed.',
    {
      small:
        'Units were trained two at a time, beside other work: the time below is longer than that of a quiet machine.',
    },
    'The recipe listops had been trained before this experiment was written, and its outcome was known. Its logs are read where settings are these.',
  ],
  settings: {
    small: { models: ALL, seeds: [1, 2, 3], steps: 300 },
    paper: { models: ALL, seeds: [1, 2, 3], steps: 5000 },
  },
  rows: ['models'],
  revision: 1,
  minutes: { small: 20, paper: 400 },
  units: ({ models, seeds, steps }) =>
    recipeUnits(listopsRecipe, models, seeds, steps === listopsRecipe.settings.steps ? undefined : steps),
  claims,
  show: (results, { models, seeds }) => ({
    titles: ['model', 'paper', 'ours'],
    rows: models.map((run) => {
      const paper = isArenaRun(run) ? percents(ARENA[run].listops) : '—';
      return [nameOf(run), paper, formatSpread(accuraciesOf(results, run, seeds), formatPercent)];
    }),
  }),
});
