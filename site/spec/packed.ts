/** The packed package, made once for all specs of a run that install it. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Packed, pack } from '../../spec/package/consumer.ts';

const WAIT_MILLISECONDS = 100;

/** Packs in the folder that `npm run test:site` names for what its specs share, or else in `own`. Throws if npm fails. */
export function packedOnce(own: string): Packed {
  const shared = process.env.SITE_SHARED;
  if (shared === undefined) return pack(own);
  const folder = join(shared, 'package');
  const answer = join(shared, 'packed.json');
  if (isMade(folder)) {
    const tell = (text: string): void => {
      // Whoever waits finds the whole answer or none.
      writeFileSync(`${answer}.part`, text);
      renameSync(`${answer}.part`, answer);
    };
    try {
      tell(JSON.stringify(pack(folder)));
    } catch (error) {
      tell(JSON.stringify({ problem: String(error) }));
    }
  }
  const bell = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(answer)) Atomics.wait(bell, 0, 0, WAIT_MILLISECONDS);
  const said = JSON.parse(readFileSync(answer, 'utf8')) as Packed | { problem: string };
  if ('problem' in said) throw new Error(said.problem);
  return said;
}

/** False if another process has made it. */
function isMade(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
