/** How `train` is called. What it then does is loaded when it is not help that was asked for. */
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { tasks } from '../training/tasks/registry.ts';
import { defineCommand, PROGRAM } from './command.ts';
import { trainOptions } from './train-options.ts';

function describe() {
  const list = (named: readonly { name: string; summary: string }[]) =>
    named.map(({ name, summary }) => `${name} (${summary})`).join('; ');
  return {
    usage: `${PROGRAM} train`,
    details:
      `Without a task, the recipe ${defaultRecipe.name}. Tasks: ${list(tasks)}. Recipes: ${list(recipes)}. ` +
      'Ctrl-C (and SIGTERM, a terminal that closes, `| head`) stops after the step, writes the checkpoint and says how to go on from it. ' +
      'Each run has a folder of its own, out/TASK/VARIANT or out/recipe-NAME/RUN; nothing in it is replaced without --overwrite.',
    positionals: ['TASK'],
    options: trainOptions(),
    examples: [
      {
        command: `${PROGRAM} train duplication --length 32 --steps 300`,
        explanation: 'Full attention, which learns it within a minute',
      },
      {
        command: `${PROGRAM} train copy --sweep full,linear-transformer,performer --steps 500`,
        explanation: 'Three variants at equal steps, and a table; with --minutes 5 at equal time',
      },
      { command: `${PROGRAM} train --recipe duplication`, explanation: 'A training that is known to reach its goal' },
      {
        command: `${PROGRAM} train --resume out/duplication/full`,
        explanation: 'Resume it: the end has the same bits as without the break; with --steps 1000 it gets longer',
      },
      {
        command: `${PROGRAM} train --config out/duplication/full/config.json --seed 1 --out out/again`,
        explanation: 'The same from another seed',
      },
    ],
  };
}

export const trainCommand = defineCommand('train', describe, async (given, host) => {
  const { runTrain } = await import('./train.ts');
  return runTrain(given, host);
});
