import { test } from 'uvu';
import { allVariants } from '/work/wt/engine/src/variants/registry.ts';
import { lawsOf } from '/work/wt/engine/spec/laws/laws.ts';
const names = process.argv.slice(2);
for (const v of allVariants()) if (names.includes(v.name)) for (const { name, run } of lawsOf(v)) test(`${v.name}: ${name}`, run);
test.run();
