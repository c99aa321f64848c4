/** The first cases of a fixed seed. The limits of time are left to `npm run fuzz`: tests assert none. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzz, TARGETS } from '../../scripts/fuzz/campaign.ts';

const SEED = 20;
const CASES = 300;

export function fuzzed(...names: string[]): void {
  for (const name of names) {
    const target = TARGETS.find((each) => each.name === name);
    if (target === undefined) throw new Error(`no target ${name}`);
    test(`${target.name}: ${target.summary}`, async () => {
      const limits = { cpuSeconds: Number.POSITIVE_INFINITY, residentBytes: Number.POSITIVE_INFINITY };
      const { cases, accepted, failures } = await fuzz({
        target,
        seed: SEED,
        from: 0,
        cases: CASES,
        keep: null,
        limits,
      });
      assert.equal(
        failures.map(({ number, problem }) => `case ${number} of seed ${SEED}: ${problem}`),
        [],
      );
      assert.is(cases, CASES);
      assert.ok(accepted > 0 && accepted < CASES, `${accepted} accepted: neither all nor none`);
    });
  }
  test.run();
}
