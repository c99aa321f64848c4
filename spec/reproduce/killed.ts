/**
 * Three small experiments, one of which trains, in a process that is killed by itself before its n-th call that changes a file,
 * or in the middle of that call if it writes. As a program: FOLDER N; it appends the name of each unit that it begins to
 * FOLDER/begun.txt.
 */
import fs, { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Experiment } from '../../src/reproduce/experiment.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { toy } from './toy.ts';
import { toyTraining } from './toy-training.ts';

/** `begun` hears of each unit that begins. */
export function threeExperiments(begun: (unit: string) => void = () => {}): Experiment[] {
  const told = (experiment: Experiment, name: string): Experiment => ({
    ...experiment,
    name,
    units: (scale) =>
      experiment.units(scale).map((unit) => ({
        ...unit,
        run: (context) => {
          begun(`${name}, ${unit.name}`);
          return unit.run(context);
        },
      })),
  });
  return [
    told(toy({ seed: 1, units: 3 }).experiment, 'first'),
    told(toyTraining(), 'second'),
    told(toy({ seed: 2, units: 2 }).experiment, 'third'),
  ];
}

/** From now on the `at`-th call is the last thing that this process does. */
function dieAt(at: number): void {
  let left = at;
  const isLast = () => --left === 0;
  const die = () => process.kill(process.pid, 'SIGKILL');
  const { writeFileSync } = fs;
  fs.writeFileSync = (file, data, options) => {
    if (!isLast()) return writeFileSync(file, data, options);
    writeFileSync(file, (data as string | Uint8Array).slice(0, (data as string).length / 2), options);
    die();
  };
  for (const name of ['renameSync', 'linkSync', 'rmSync', 'mkdirSync'] as const) {
    const own = fs[name] as (...args: unknown[]) => unknown;
    (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
      if (isLast()) die();
      return own(...args);
    };
  }
  syncBuiltinESMExports();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder, at] = process.argv;
  dieAt(Number(at));
  for (const experiment of threeExperiments((unit) => appendFileSync(join(folder, 'begun.txt'), `${unit}\n`))) {
    await runExperiment(experiment, { scale: 'small', folder });
  }
}
