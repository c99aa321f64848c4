/** `npm run learn`: the exercises in the terminal. The process that grades loads while the commands do. */
import { Runner } from './runner.ts';

const GRADING: readonly (string | undefined)[] = [undefined, 'run', 'grade'];

const runner = new Runner();
if (GRADING.includes(process.argv[2])) runner.prepare();
try {
  const { learn } = await import('./program.ts');
  await learn(runner);
} finally {
  // Also after help, or words that are refused: as long as it runs, this process does not end.
  runner.end();
}
