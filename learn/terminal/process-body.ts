/** The process in which a thread runs the learner's code: says which line runs, then the verdict. */
import { ThreadRunner } from './thread.ts';
import type { Work } from './thread-body.ts';

const SAY_MILLISECONDS = 50;

const runner = new ThreadRunner();
process.on('message', async (work: Work) => {
  let said = 0;
  const saying = setInterval(() => {
    if (runner.line !== said) process.send?.({ kind: 'line', line: runner.line });
    said = runner.line;
  }, SAY_MILLISECONDS);
  const outcome = await runner.grade(work);
  clearInterval(saying);
  process.send?.({ kind: 'verdict', ...outcome });
});
// Whoever started it is gone.
process.on('disconnect', () => process.exit());
