// Shows how much memory a loop holds without a scope and with one: the garbage collector does not see the memory of tensors.
// npx tsx examples/memory.ts [ROUNDS]
import { attend, keep, memoryStatistics, performer, Random, randomNormal, scope } from 'efficient-transformers';

const rounds = Number(process.argv[2] ?? 20);
const x = randomNormal([1, 4, 512, 32], new Random(0));
const inputs = { queries: x, keys: x, values: x };
const report = (when: string) => console.log(when, `${(memoryStatistics().liveBytes / 2 ** 20).toFixed(1)} MiB`);
report('at first');

// Each output waits for the garbage collector.
let sum = 0;
for (let n = 0; n < rounds; n++) sum += attend(performer, inputs).toArray()[0];
report(`after ${rounds} rounds without a scope:`);

// A scope releases its tensors when it ends. Numbers may leave it, and so may a tensor that is returned.
const before = memoryStatistics().liveBytes;
for (let n = 0; n < rounds; n++) sum += scope(() => attend(performer, inputs).toArray())[0];
report(`after ${rounds} rounds in scopes:`);
console.log('scopes left', memoryStatistics().liveBytes - before, 'bytes; sum', sum.toFixed(3));

// `keep` takes a tensor out of every scope.
const outputs = scope(() => {
  const kept = keep(attend(performer, inputs));
  return { returned: attend(performer, inputs), kept };
});
console.log('still there:', outputs.returned.shape, outputs.kept.shape);
