/** How many cases a run of the specs draws, and from where: LAW_EFFORT and LAW_SEED (`npm test -- --help`). */
export const EFFORT = Number(process.env.LAW_EFFORT ?? 1);

/** Repeats a failure: the seed that fast-check printed. */
export const SEED = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) };

/** The settings with which fc.assert draws `cases` in an ordinary run. */
export const effort = (cases: number) => ({ numRuns: Math.ceil(cases * EFFORT), ...SEED });
