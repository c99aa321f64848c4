/** "Which one for me": questions, answers computed from the raw numbers, and where each comes from. */
import { needComparison, needSuite, needTraining, slopesOf } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { REFERENCE_VARIANT } from '../../../src/compare/series.ts';
import {
  formatBytes,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../../src/terminal/format.ts';
import { allVariants } from '../../../src/variants/registry.ts';
import { scrollBox } from '../scroll-box.ts';
import { atLongest, crossings, decodingGrowth, longestFull, nearest, tokensOf, trained } from './answers.ts';
import { caveats } from './caveats.ts';
import {
  comparisonEvidence,
  type Evidence,
  evidenceLine,
  suiteEvidence,
  trainingEvidence,
  variantLink,
  variantLinks,
} from './links.ts';

interface Answer {
  id: string;
  question: string;
  /** Whom to take, in a sentence or two. */
  answer: Html;
  figures?: Html;
  evidence: Evidence;
}

export function guide(): Html {
  const answers = [short(), generating(), trainedAlready(), long(), scratch(), exact(), cross()];
  return html`<section aria-labelledby="guide">
<h2 id="guide">Which one for me?</h2>
<p>The build of this site computes the names and figures below from the files named under them.</p>
<ul class="questions">${answers.map(({ id, question }) => html`<li><a href="#${id}">${question}</a></li>`)}</ul>
<div class="answers">
${answers.map(
  ({ id, question, answer, figures, evidence }) => html`<section class="card" aria-labelledby="${id}">
<h3 id="${id}">${question}</h3>
<p>${answer}</p>
${figures ?? null}
${evidenceLine(evidence)}
</section>
`,
)}</div>
${caveats()}
</section>`;
}

/** Where full attention is still the best choice. */
function short(): Answer {
  const { rows } = needSuite('crossover');
  const shortest = Math.min(...rows.map(({ length }) => length));
  const all = crossings(rows);
  const lengths = [...new Set(all.map(({ from }) => from))];
  const slower = all.filter(({ from }) => from === null || from > shortest);
  const { memory } = slopesOf(needSuite('scaling').rows, REFERENCE_VARIANT);
  const groups = lengths.map((from) => {
    const names = all.filter((each) => each.from === from).map(({ variant }) => variant);
    return [
      from === null ? 'at no length measured' : from === shortest ? `${formatWhole(from)} or below` : formatWhole(from),
      html`${variantLinks(names)}`,
    ];
  });
  return {
    id: 'short',
    question: 'My inputs are short',
    answer: html`Use ${variantLink(REFERENCE_VARIANT)} attention. At ${shortest} tokens, the shortest length measured, ${slower.length} of
${all.length} variants are slower, and all of them change the result.${memory !== null && memory < 1.05 ? ' Memory is no reason to avoid full attention: here it grows linearly, since it is computed block by block.' : null}`,
    figures: figuresTable('The length from which a variant is faster', ['faster from', 'variants'], groups),
    evidence: suiteEvidence('crossover'),
  };
}

/** A state of constant size, and so a constant time for each token. */
function generating(): Answer {
  const { rows } = needSuite('decoding');
  const positions = rows.map(({ position }) => position);
  const [first, last] = [Math.min(...positions), Math.max(...positions)];
  const { constant, growing } = decodingGrowth(rows);
  const times = constant.map(({ time }) => time);
  const full = growing.find(({ variant }) => variant === REFERENCE_VARIANT);
  return {
    id: 'generating',
    question: 'My model generates text, and each token must cost the same',
    answer: html`${variantLinks(constant.map(({ variant }) => variant))}: their state has the same size after ${formatWhole(last)} tokens as after
${first}, and a token takes ${formatRatio(Math.min(...times))} to ${formatRatio(Math.max(...times))} the time. The other variants keep all
that they have seen: with full attention a token takes ${formatRatio(full?.time ?? Number.NaN)} the time.`,
    figures: figuresTable(
      `One more token after ${formatWhole(last)}`,
      ['variant', 'time', `ratio to ${first} tokens`, 'state'],
      [...constant, ...growing].map(({ variant, time, millisecondsPerToken, stateBytes }) => [
        variantLink(variant),
        formatMilliseconds(millisecondsPerToken),
        formatRatio(time),
        formatBytes(stateBytes),
      ]),
    ),
    evidence: suiteEvidence('decoding'),
  };
}

/** Errors on a trained model's activations at equal cost, by operations and by the clock. */
function trainedAlready(): Answer {
  const { results } = needComparison();
  const limits = [
    ...[8, 4, 2].map((part) => ({
      title: `at most 1/${part} of the FLOPs`,
      best: nearest(results, ({ share }) => share <= 1 / part),
    })),
    ...[4, 2].map((times) => ({
      title: `at least ${times}× as fast`,
      best: nearest(results, ({ milliseconds, fullMilliseconds }) => fullMilliseconds >= times * milliseconds),
    })),
  ];
  const lines = limits.map(({ title, best }) => [
    title,
    html`${best
      .slice(0, 3)
      .map(
        ({ variant, budget, error }, index) =>
          html`${index === 0 ? '' : ', '}${variantLink(variant)}${budget === null ? '' : ` ${budget.symbol} = ${budget.value}`} (${formatError(error)})`,
      )}`,
  ]);
  const firsts = [...new Set(limits.flatMap(({ best }) => best.slice(0, 1).map(({ variant }) => variant)))];
  const least = Math.min(...limits.flatMap(({ best }) => best.slice(0, 1).map(({ error }) => error)));
  return {
    id: 'trained',
    question: 'I have a trained model and will not retrain it',
    answer: html`These have the smallest error at some cost: ${variantLinks(firsts)}. None is close: the smallest error in this table is
${formatError(least)} of the output’s norm. Measure your own model before you decide:
<code class="whole">npm start -- --qkv FILE</code>.`,
    figures: figuresTable('The three smallest errors at each cost', ['cost', 'variants and errors'], lines),
    evidence: comparisonEvidence,
  };
}

function long(): Answer {
  const { rows } = needSuite('scaling');
  const { length, rows: longest } = atLongest(rows);
  const full = longestFull(rows);
  const { time } = slopesOf(rows, REFERENCE_VARIANT);
  const convolutions = new Set(allVariants().flatMap(({ name, family }) => (family === 'convolution' ? [name] : [])));
  const comparing = longest.filter(({ variant }) => !convolutions.has(variant));
  const fastest = comparing.slice(0, 3).map(({ variant }) => variant);
  const smallest = [...comparing].sort((a, b) => a.peakBytes - b.peakBytes).slice(0, 3);
  return {
    id: 'long',
    question: 'My inputs are very long',
    answer: html`The fastest at ${formatWhole(length)} tokens, among variants that compare tokens, are ${variantLinks(fastest)}. The
least memory take ${variantLinks(smallest.map(({ variant }) => variant))}. Convolutions are faster, but a token sees only its neighbours. Full attention
took ${formatMilliseconds(full.milliseconds)} for ${formatWhole(full.length)} tokens, the longest input it was measured on; its time grows with the length to the power of
${time?.toFixed(2) ?? '–'}.`,
    figures: figuresTable(
      `One forward pass over ${formatWhole(length)} tokens`,
      ['variant', 'time', 'memory', 'time slope'],
      longest.map(({ variant, milliseconds, peakBytes }) => [
        variantLink(variant),
        formatMilliseconds(milliseconds),
        formatBytes(peakBytes),
        slopesOf(rows, variant).time?.toFixed(2) ?? '–',
      ]),
    ),
    evidence: suiteEvidence('scaling'),
  };
}

function scratch(): Answer {
  const summary = needTraining();
  const listops = trained(summary, 'listops');
  const full = listops.find(({ name }) => name === REFERENCE_VARIANT);
  const others = listops.filter(({ name }) => name !== REFERENCE_VARIANT);
  const alike = others.filter(({ accuracy }) => full !== undefined && accuracy.highest >= full.accuracy.lowest);
  const behind = others.filter((each) => !alike.includes(each));
  const blind = summary.rows.find(({ recipe }) => recipe === 'listops')?.baseline.accuracy ?? Number.NaN;
  const learnt = listops.filter(({ accuracy }) => accuracy.lowest > blind);
  const short = (recipe: string) =>
    trained(summary, recipe).map(
      ({ name, accuracy }, index) =>
        html`${index === 0 ? '' : ', '}${variantLink(name)} ${formatPercent(accuracy.mean)}`,
    );
  return {
    id: 'scratch',
    question: 'I train from scratch',
    answer: html`On ListOps with ${tokensOf('listops')} tokens, ${learnt.length} of ${listops.length} variants beat the most frequent answer with
every seed. ${alike.length} of ${others.length} reach full attention’s worst seed with at least one seed; with all seeds below it:
${variantLinks(behind.map(({ name }) => name))}. On other small tasks the differences are larger. Accuracy for the next byte of TypeScript
declarations: ${short('byte-lm')}. For copied symbols: ${short('copy')}.`,
    figures: figuresTable(
      `Accuracy on ListOps, mean of ${full?.seeds ?? 0} seeds (lowest to highest). The most frequent answer alone: ${formatPercent(blind)}`,
      ['variant', 'accuracy', 'range', 'time to train'],
      listops.map(({ name, accuracy, seconds }) => [
        variantLink(name),
        formatPercent(accuracy.mean),
        `${formatPercent(accuracy.lowest)} to ${formatPercent(accuracy.highest)}`,
        formatMilliseconds(1000 * seconds),
      ]),
    ),
    evidence: trainingEvidence,
  };
}

/** What the registry states, and the laws hold it to. */
const LAWS: Evidence = { file: 'src/variants/registry.ts', command: 'npm test -- laws', how: 'tested by' };

function exact(): Answer {
  const names = allVariants().flatMap(({ name, exactness }) => (exactness === 'exact-on-its-pattern' ? [name] : []));
  return {
    id: 'exact',
    question: 'The softmax must be exact on the allowed pairs',
    answer: html`${variantLinks(names)}: they compute softmax attention over the allowed pairs exactly, and estimate nothing. Their options choose
the pattern, and so what a token never sees.`,
    evidence: LAWS,
  };
}

function cross(): Answer {
  const names = allVariants().flatMap(({ name, supports, family }) =>
    supports.crossAttention && family !== 'full' ? [name] : [],
  );
  return {
    id: 'cross',
    question: 'Queries and keys come from different sequences',
    answer: html`${variantLinks(names)} take any number of queries and any other number of keys. The other variants are for one sequence that
attends to itself; they refuse other inputs with an error.`,
    evidence: LAWS,
  };
}

function figuresTable(caption: string, titles: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html {
  const numeric = (column: number) => column > 0 && titles.length > 2;
  const line = rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first}</th>${rest.map((cell, index) => html`<td${numeric(index + 1) ? html` class="number"` : null}>${cell}</td>`)}</tr>
`,
  );
  const heads = titles.map(
    (title, index) => html`<th scope="col"${numeric(index) ? html` class="number"` : null}>${title}</th>`,
  );
  const table = html`<table><caption><span class="in-view">${caption}</span></caption>
<thead><tr>${heads}</tr></thead><tbody>${line}</tbody></table>`;
  return scrollBox(caption, rows.length, table);
}
