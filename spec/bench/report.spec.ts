/** The page of measurements: what there is no figure of has no point, and what is drawn can be read without the page. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { speedUpCharts, timeCharts } from '../../bench/report/growth-figures.ts';
import { renderBenchReport } from '../../bench/report/page.ts';
import { moduleCharts } from '../../bench/report/pairs.ts';
import { attentionCharts, productCharts } from '../../bench/report/peer-figures.ts';
import { standalonePicture } from '../../bench/report/picture.ts';
import type { PeerRow, ScalingRow } from '../../bench/report/results.ts';
import { splittingTable } from '../../bench/suites/fork-join.ts';
import { tablesOf } from '../../bench/suites/peers/tables.ts';
import { wordsOf } from '../../scripts/words-of.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { temporaryFolder } from '../cli/host.ts';

function peerRow(part: Partial<PeerRow>): PeerRow {
  return {
    peer: 'us',
    contestant: 'full',
    computes: 'full',
    instructions: 'wasm',
    threads: 1,
    task: attention(512),
    outcome: 'measured',
    ...part,
  };
}

const attention = (length: number, training = false) =>
  ({ kind: 'attention', heads: 1, length, headDim: 64, training }) as const;

/** Time in proportion to length^power. */
function scalingRows(variant: string, power: number): ScalingRow[] {
  return [1024, 2048, 4096].flatMap((length) =>
    [false, true].map((training) => ({
      variant,
      training,
      length,
      milliseconds: (training ? 3 : 1) * (length / 1024) ** power,
      peakBytes: 64 * length,
    })),
  );
}

test('full attention: a plot for each setting, a line for each library, a point for each figure', () => {
  const rows = [
    peerRow({ milliseconds: 3 }),
    peerRow({ milliseconds: 12, task: attention(1024) }),
    peerRow({ peer: 'jax-js', milliseconds: 5 }),
    peerRow({ peer: 'jax-js', task: attention(1024), outcome: 'cut' }),
    peerRow({ peer: 'pytorch', outcome: 'failed' }),
    peerRow({ contestant: 'longformer', computes: 'longformer', milliseconds: 1 }),
    peerRow({ milliseconds: 9, task: attention(512, true) }),
    peerRow({ milliseconds: 2, threads: 2 }),
  ];
  const charts = attentionCharts(rows);
  assert.equal(
    charts.map(({ title }) => title),
    ['Forward, 1 head, 1 thread', 'Forward and backward, 1 head, 1 thread', 'Forward, 1 head, 2 threads'],
  );
  const [{ lines }] = charts;
  assert.equal(
    lines.map(({ label, points }) => [label, ...points.map(({ x, y }) => [x, y])]),
    [
      ['this library', [512, 3], [1024, 12]],
      ['jax-js', [512, 5]],
    ],
  );
  assert.equal(new Set(charts.map((chart) => chart.lines[0].index)).size, 1, 'a library keeps its colour');
});

test('products lie below a roof for each kind of instructions, as high as its peak', () => {
  const product = (size: number) => ({ kind: 'product', size }) as const;
  const rows = [
    peerRow({ task: { kind: 'peak' }, contestant: 'peak wasm', computes: 'peak', rate: 48e9, milliseconds: 2 }),
    peerRow({ task: product(256), contestant: 'product', computes: 'product', rate: 30e9, milliseconds: 1 }),
    peerRow({ task: product(512), contestant: 'product', computes: 'product', rate: 32e9, milliseconds: 8 }),
  ];
  const [{ lines, y }] = productCharts(rows);
  assert.equal(
    lines.map(({ label, index, points }) => [label, index, ...points.map((point) => [point.x, point.y])]),
    [
      ['peak, WebAssembly', null, [256, 48], [512, 48]],
      ['this library', 0, [256, 30], [512, 32]],
    ],
  );
  assert.equal(y.domain, [0, 48]);
});

test('a pair needs both sides, at the length asked for', () => {
  const theirs = { peer: 'transformers', instructions: 'native' } as const;
  const of = (name: string) => ({ contestant: name, computes: name, task: attention(4096) });
  const rows = [
    peerRow({ ...of('reformer'), milliseconds: 4 }),
    peerRow({ ...of('reformer'), ...theirs, milliseconds: 6 }),
    peerRow({ ...of('bigbird'), ...theirs, milliseconds: 6 }),
    peerRow({ ...of('reformer'), ...theirs, milliseconds: 1, task: attention(512) }),
  ];
  assert.equal(moduleCharts(rows, 4096), [
    { title: 'Forward, 1 head, 1 thread', pairs: [{ label: 'reformer', ours: 4, theirs: 6 }] },
  ]);
});

test('the number beside a name is the exponent of its growth; full attention is the grey line', () => {
  const [forward, both] = timeCharts([...scalingRows('full', 2), ...scalingRows('longformer', 1)]);
  for (const { lines } of [forward, both]) {
    assert.equal(
      lines.map(({ label, index }) => [label, index === null]),
      [
        ['full 2.00', true],
        ['longformer 1.00', false],
      ],
    );
  }
  const speedUps = speedUpCharts([
    { variant: 'full', training: false, length: 1024, milliseconds: 8, speedUp: 1 },
    { variant: 'longformer', training: false, length: 1024, milliseconds: 2, speedUp: 4 },
  ]);
  assert.equal(
    speedUps[0].lines.map(({ label, points }) => [label, points[0].y]),
    [['longformer', 4]],
  );
});

test('a picture on its own is an SVG with colours for light and dark, and needs nothing from elsewhere', async () => {
  const [chart] = timeCharts([...scalingRows('full', 2), ...scalingRows('longformer', 1)]);
  const source = await standalonePicture({ ...chart, title: 'Time < memory' }, 'a & b');
  assert.match(source, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
  assert.ok(source.includes('prefers-color-scheme: dark'));
  assert.ok(source.includes('Time &#60; memory') && source.includes('a &#38; b'));
  for (const [, name] of source.matchAll(/var\((--[a-z0-9-]+)\)/g)) assert.ok(source.includes(`${name}:`), name);
  assert.not.match(source, /NaN|undefined|href="http|url\((?!#)/);
});

test('the page of the measurements that are there has a plot for each, and no figure that is none', async () => {
  const page = await renderBenchReport();
  const { document } = parseHTML(page);
  assert.ok(document.querySelectorAll('figure svg').length >= 20);
  assert.not.match(page, /NaN|undefined|Infinity/);
  const ids = [...document.querySelectorAll('svg title[id]')].map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
});

test('tables of the terminal take the columns that there are', () => {
  const report = JSON.parse(readFileSync(new URL('../../bench/results/peers.json', import.meta.url), 'utf8'));
  const linesOf = (width?: number) =>
    tablesOf(report, width)
      .split('\n\n')
      .flatMap((part) => (part.includes('─') ? part.split('\n').filter((line) => !/^ {2}\S+.*: /.test(line)) : []));
  assert.ok(linesOf().some((line) => displayWidth(line) > 60));
  for (const line of linesOf(60)) assert.ok(displayWidth(line) <= 60, line);
  assert.ok(linesOf().some((line) => / 4,096 /.test(line)));
  const splitting = [{ multiplyAdds: 12_345, workers: 'warm', aloneMilliseconds: 1, splitMilliseconds: 2 }];
  for (const line of splittingTable(splitting as never, 30)
    .split('\n')
    .slice(0, 4)) {
    assert.ok(displayWidth(line) <= 30, line);
  }
});

test('the page replaces an earlier one, and no file of another origin', () => {
  const folder = temporaryFolder();
  const page = join(folder, 'bench.html');
  const bench = () => {
    const options = { cwd: fileURLToPath(new URL('../../', import.meta.url)), encoding: 'utf8' } as const;
    return spawnSync(process.execPath, [...wordsOf('bench/run.ts'), '--report', page], options);
  };
  writeFileSync(page, 'mine');
  const { status, stderr } = bench();
  assert.is(status, 2);
  assert.match(stderr, /^Error: --report: .* exists, and this tool did not write it; name another/);
  assert.is(readFileSync(page, 'utf8'), 'mine');
  writeFileSync(page, '');
  for (let time = 0; time < 2; time++) assert.is(bench().status, 0);
  assert.match(readFileSync(page, 'utf8'), /^<!doctype html>/);
});

test('a suite writes its raw numbers, with the machine, where it is told to', () => {
  const folder = temporaryFolder();
  const bench = (...words: string[]) => {
    const options = { cwd: fileURLToPath(new URL('../../', import.meta.url)), encoding: 'utf8' } as const;
    return spawnSync(process.execPath, [...wordsOf('bench/run.ts'), '--rounds', '1', '--quick', ...words], options);
  };
  const { status, stdout, stderr } = bench('--suite', 'segments', '--results', join(folder, 'new'));
  assert.equal([status, stderr], [0, '']);
  assert.match(stdout, /^Raw numbers: .*segments\.json$/m);
  const { suite, environment, rounds, rows } = JSON.parse(readFileSync(join(folder, 'new', 'segments.json'), 'utf8'));
  assert.equal([suite, rounds, typeof environment.cpu], ['segments', 1, 'string']);
  assert.ok(rows.length > 0);
  writeFileSync(join(folder, 'file'), '');
  const refused = bench('--suite', 'segments', '--results', join(folder, 'file'));
  assert.is(refused.status, 2);
  assert.match(refused.stderr, /^Error: --results: cannot write .*file: a file of that name exists already/);
  if (process.platform !== 'linux') return;
  // Node's own recursion never ends there.
  const nowhere = bench('--suite', 'segments', '--results', '/proc/efficient-transformers');
  assert.is(nowhere.status, 2, nowhere.stderr);
  assert.match(
    nowhere.stderr,
    /^Error: --results: cannot write \/proc\/efficient-transformers: no such file or folder/,
  );
});

test.run();
