import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChecks } from '../../src/commands/doctor.ts';
import { threadCount } from '../../src/core/parallel/pool.ts';
import { answerTo, outputOf } from './host.ts';

test('everything works here, and every line says what was found', async () => {
  const text = await outputOf(['doctor', '--threads', '2']);
  const found = Object.fromEntries(
    [...text.matchAll(/^ok {6}(.+?) {2,}(.+)$/gm)].map(([, name, what]) => [name, what]),
  );
  assert.equal(Object.keys(found), [
    'Node',
    'machine',
    'memory',
    'kernels',
    'threads',
    'product',
    'same bits',
    'input',
  ]);
  assert.ok(found.Node.startsWith(process.version));
  assert.match(found.threads, /^2, ready in /);
  assert.match(found.product, /GFLOP\/s on 1 thread, .* GFLOP\/s on 2/);
  assert.match(found.input, /tokens/);
  assert.match(text, /\nEverything works\.\n$/);
  assert.is(threadCount(), 2);
});

test('on one thread no worker is started for it, but two are compared with one', async () => {
  const text = await outputOf(['doctor', '--threads', '1']);
  assert.match(text, /threads +1, so no worker is started/);
  assert.match(text, /same bits .*on 1 thread and on 2/);
  assert.is(threadCount(), 1);
});

test('what is broken is said, the rest is looked at all the same, and the exit code is 1', async () => {
  let out = '';
  const stdout = { write: (text: string) => (out += text) };
  const broken = () => {
    throw new Error('no memory');
  };
  const checks = [
    { name: 'memory', look: broken },
    { name: 'Node', look: async () => 'v20' },
  ];
  assert.is(await runChecks(checks, { stdout, stderr: stdout }), 1);
  assert.is(out, 'broken  memory  no memory\nok      Node    v20\n\n1 of 2 broken.\n');
});

test('a wrong number of threads is refused', async () => {
  for (const threads of ['0', '1000', 'all']) {
    const { code, err } = await answerTo(['doctor', '--threads', threads]);
    assert.is(code, 2);
    assert.match(err, /threads: expected an integer/);
  }
});

test.run();
