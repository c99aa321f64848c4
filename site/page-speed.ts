/**
 * `npm run page-speed`: a step of training a language model of bytes in an isolated page of Chromium and in Node, in turns in
 * one run. Both compute the same numbers: the losses of the first steps are compared before anything is timed. Writes the raw
 * numbers to bench/results/page-step.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { PeerProcess } from '../bench/suites/peers/process.ts';
import { LARGE, SMALL } from '../bench/suites/training.ts';
import type { Size } from '../bench/suites/widths.ts';
import { runProgram } from '../scripts/program.ts';
import { describeEnvironment } from '../src/compare/environment.ts';
import { median } from '../src/compare/stopwatch.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { formatMilliseconds, formatRatio } from '../src/terminal/format.ts';
import { flag, integer, text } from '../src/terminal/options.ts';
import { bundle } from './bundle.ts';
import type { Ask, Told } from './engine/step.ts';
import { serve } from './serve.ts';
import { findChromium, HOW_TO_GET_CHROMIUM } from './spec/chromium.ts';

export interface PageStepRow {
  size: string;
  threads: number;
  /** Medians over the rounds. */
  page: number;
  node: number;
  /** Node's time over the page's, the median of the rounds': 1 is as fast as Node. */
  ratio: number;
  all: { page: number[]; node: number[] };
}

const CONTESTANT = 'training step';
const PATIENCE = 300_000;
const WARMING = 2;
/** Steps of a round. */
const REPEATS = { [SMALL.name]: 10, [LARGE.name]: 2 };
/** The same operations in the same order, but the engines' own exponentials may differ in the last bit. */
const TOLERANCE = 1e-5;
const PAGE = '<!doctype html><title>A training step</title><link rel="icon" href="data:,">';

const command = {
  usage: 'npm run page-speed --',
  summary: 'Measure a training step in a page of Chromium and in Node, in turns.',
  options: {
    rounds: integer('N', 'Number of rounds; figures are medians over them', { default: 15, minimum: 1 }),
    threads: integer('N', 'Number of threads of either', { default: 2, minimum: 1, maximum: 64 }),
    quick: flag('Measure the small model only, and write no numbers'),
    results: text('FOLDER', 'Write the raw numbers there', {
      default: fileURLToPath(new URL('../bench/results/', import.meta.url)),
      defaultText: 'bench/results',
    }),
  },
};

await runProgram(command, async ({ rounds, threads, quick, results }) => {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM);
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-step-'));
  try {
    writeFileSync(join(folder, 'index.html'), PAGE);
    const script = await bundle(fileURLToPath(new URL('engine/step.ts', import.meta.url)));
    writeFileSync(join(folder, 'step.js'), script);
    const { server, url } = await serve(folder, { port: 0, isolated: true });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    const rows: PageStepRow[] = [];
    try {
      for (const size of quick ? [SMALL] : [SMALL, LARGE]) {
        const page = await browser.newPage();
        page.setDefaultTimeout(PATIENCE);
        // The compiler names functions with it, also those that run in the page.
        await page.addInitScript({ content: 'globalThis.__name = (named) => named' });
        await page.goto(url);
        const node = await PeerProcess.start('us', threads, undefined);
        try {
          rows.push(await measure(page, node, size, threads, rounds));
        } finally {
          await node.end();
          await page.close();
        }
      }
      if (quick) return 0;
      const environment = { ...describeEnvironment(), threads };
      const raw = { suite: 'page-step', environment, chromium: browser.version(), rounds, rows };
      const file = join(results, 'page-step.json');
      makeFolder(results);
      writeFileAtomically(file, `${JSON.stringify(raw, null, 1)}\n`);
      console.log(`Raw numbers: ${relative('.', file)}`);
    } finally {
      await browser.close();
      server.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 0;
});

async function measure(
  page: Page,
  node: PeerProcess,
  size: Size,
  threads: number,
  rounds: number,
): Promise<PageStepRow> {
  const { name, model, length, width } = size;
  const told = await asked(page, { do: 'prepare', threads, sizes: { ...model, length, width } });
  if (told.threads !== threads) throw new Error(`the page has ${told.threads} threads, not ${threads}`);
  const task = { kind: 'training-step', length, width, model } as const;
  await node.ask({ do: 'prepare', contestant: CONTESTANT, task, check: false }, PATIENCE);
  compare(told.losses ?? [], (await node.ask({ do: 'results', contestant: CONTESTANT }, PATIENCE)).results?.losses);
  const repeats = REPEATS[name];
  const all: PageStepRow['all'] = { page: [], node: [] };
  for (let round = -WARMING; round < rounds; round++) {
    const inNode = async () =>
      (await node.ask({ do: 'measure', contestant: CONTESTANT, repeats }, PATIENCE)).milliseconds as number;
    const inPage = async () => (await asked(page, { do: 'measure', repeats })).milliseconds as number;
    // Every other round the other way round.
    const first = round % 2 === 0 ? await inNode() : await inPage();
    const second = round % 2 === 0 ? await inPage() : await inNode();
    if (round < 0) continue;
    all.node.push(round % 2 === 0 ? first : second);
    all.page.push(round % 2 === 0 ? second : first);
  }
  const ratio = median(all.node.map((each, round) => each / all.page[round]));
  const row = { size: name, threads, page: median(all.page), node: median(all.node), ratio, all };
  const [inPage, inNode] = [row.page, row.node].map(formatMilliseconds);
  console.log(
    `${name}, ${threads} threads: page ${inPage} (${told.kernels} kernels), Node ${inNode}, ${formatRatio(ratio)} Node's speed`,
  );
  return row;
}

function compare(inPage: readonly number[], encoded: string | undefined): void {
  const bytes = Uint8Array.from(Buffer.from(encoded ?? '', 'base64'));
  const inNode = new Float32Array(bytes.buffer);
  const isSame = inNode.length > 0 && inNode.every((each, n) => Math.abs(inPage[n] - each) <= TOLERANCE * each);
  if (!isSame) throw new Error(`the page's losses are ${inPage.join(', ')}, Node's ${inNode.join(', ')}`);
}

/** The answer of the page's worker, which starts with the first question. */
async function asked(page: Page, ask: Ask): Promise<Told> {
  const told = await page.evaluate(
    (question) =>
      new Promise<Told>((resolve, reject) => {
        const holder = globalThis as { stepWorker?: Worker };
        holder.stepWorker ??= new Worker('step.js');
        holder.stepWorker.onmessage = ({ data }) => resolve(data as Told);
        holder.stepWorker.onerror = ({ message }) => reject(new Error(message));
        holder.stepWorker.postMessage(question);
      }),
    ask,
  );
  if (told.problem !== undefined) throw new Error(told.problem);
  return told;
}
