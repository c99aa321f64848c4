/** The command line of `train`. The code that trains is loaded only if no help was requested. */
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { tasks } from '../training/tasks/registry.ts';
import { defineCommand, PROGRAM } from './command.ts';
import { trainOptions } from './train-options.ts';

function describe() {
  return {
    usage: `${PROGRAM} train`,
    details:
      `Without a task, train runs the recipe ${defaultRecipe.name}. ` +
      'Each run has its own folder, out/TASK/VARIANT or out/recipe-NAME/RUN, in which nothing is replaced without --overwrite. ' +
      'Ctrl-C, SIGTERM, a closed terminal or `| head` stops the run after the current step, writes a checkpoint and shows the command that resumes the run.',
    lists: [
      { title: 'Tasks', entries: tasks },
      { title: 'Recipes, for --recipe', entries: recipes },
    ],
    positionals: ['TASK'],
    options: trainOptions(),
    examples: [
      {
        command: `${PROGRAM} train duplication --length 32 --steps 300`,
        explanation: 'Train full attention, which learns the task within a minute',
      },
      {
        command: `${PROGRAM} train copy --sweep full,linear-transformer,performer --steps 500`,
        explanation: 'Train three variants for equal steps, then show a table; --minutes 5 gives equal time',
      },
      {
        command: `${PROGRAM} train pathfinder`,
        explanation:
          'Train on pictures of 8 × 8 pixels, two minutes of one core: from seed 0 to an accuracy of 77.7%, where half is chance; retrieval comes to 73.8%',
      },
      {
        command: `${PROGRAM} train --recipe duplication`,
        explanation: 'Train a recipe that is known to reach its goal',
      },
      {
        command: `${PROGRAM} train --resume out/duplication/full`,
        explanation: 'Resume a run, to the same bits as without the break; --steps 1000 makes it longer',
      },
      {
        command: `${PROGRAM} train --config out/duplication/full/config.json --seed 1 --out out/again`,
        explanation: 'Repeat a run with another seed',
      },
    ],
  };
}

export const trainCommand = defineCommand('train', describe, async (given, host) => {
  const { runTrain } = await import('./train.ts');
  return runTrain(given, host);
});
