/** A process that fuzzes one target, as its parent says, and tells which case it is at. */
import { fuzz, type Outcome, TARGETS } from './campaign.ts';
import type { Order, Told } from './processes.ts';

const tell = (told: Told) => process.send?.(told);

process.once('message', async ({ target: name, ...order }: Order) => {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const outcome: Outcome = await fuzz({
    target,
    ...order,
    onCase: (number) => tell({ kind: 'case', number }),
    onFailure: (failure) => tell({ kind: 'failure', failure }),
  });
  tell({ kind: 'end', outcome });
  process.disconnect();
});
