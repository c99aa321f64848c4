import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeEnvironment } from '../../src/compare/environment.ts';
import { chooseKernelSet, KERNEL_BUILDS, kernelBuild } from '../../src/core/kernels/simd.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';

test('says what runs, on what, and when', () => {
  const before = Date.now();
  const { version, node, platform, cpu, kernels, date } = describeEnvironment();
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.is(version, manifest.version);
  assert.is(node, process.version);
  assert.ok(platform.startsWith(process.platform) && platform.endsWith(process.arch));
  assert.is.not(cpu, '');
  assert.is(kernels, kernelBuild());
  assert.is(new Date(date).toISOString(), date);
  assert.ok(Date.parse(date) >= before && Date.parse(date) <= Date.now());
});

test('kernels are those that run now, by their build', () => {
  const usual = kernelBuild();
  try {
    for (const build of KERNEL_BUILDS.filter((each) => each === 'plain' || usual !== 'plain')) {
      chooseKernelSet(build);
      assert.is(describeEnvironment().kernels, kernelBuild());
    }
    chooseKernelSet('plain');
    assert.is(describeEnvironment().kernels, 'plain');
  } finally {
    chooseKernelSet(usual);
  }
});

test('threads are those that kernels run on now', () => {
  for (const threads of [1, 3]) {
    setThreads(threads);
    assert.is(describeEnvironment().threads, threads);
    assert.is(threadCount(), threads);
  }
});

test.run();
