/** Lesson 13: training them: recall, and the size of the state. */
import { formatBytes, formatError, formatPercent } from '../../src/terminal/format.ts';
import { candidate, type Recall, recallBy, recallOf } from './bench.ts';
import type { Drawn } from './drawn.ts';
import type { Lesson } from './lesson.ts';

function recallDrawn(recipe: string): Drawn {
  const all = recallOf(recipe);
  const kept = (each: Recall): string => (each.stateBytes === null ? '' : `, ${formatBytes(each.stateBytes)}`);
  const [best, worst] = [all[0], all[all.length - 1]];
  return {
    panels: [
      {
        kind: 'bars',
        title: `Right answers, and bytes kept after a sequence: ${recipe}`,
        most: 1,
        bars: all.map((each) => ({
          name: each.name,
          value: each.accuracy,
          text: `${formatPercent(each.accuracy)}${kept(each)}`,
        })),
      },
    ],
    says: `From ${formatPercent(best.accuracy)} (${best.name}) down to ${formatPercent(worst.accuracy)} (${worst.name}).`,
  };
}

/** How many seeds stand behind the bars of a recipe. */
function seedsOf(recipe: string): string {
  const counts = recallOf(recipe).map(({ seeds }) => seeds);
  const single = counts.filter((count) => count === 1).length;
  return `${Math.max(...counts)}${single === 0 ? '' : ` (${single} of ${counts.length} a single one)`}`;
}

const linear = 'linear-transformer';

export const training: Lesson = {
  name: 'training',
  title: 'Training them: recall and the size of the state',
  minutes: 25,
  lead: 'An error without training says little about a model that is trained. Ask instead what it can learn to recall, and how much it keeps in order to do so.',
  idea: [
    'The errors of the lessons before compare a variant with full attention on numbers that were made *for* full attention. That is the right question if you want to exchange the attention of a trained model. If you train from the start, queries and keys adapt to whatever reads them. Then the question is what the variant can learn at all.',
    '## A task that tells them apart',
    'What sets efficient models of text most apart from full attention is *recall* (Arora et al. 2023): a name was said once, and has to be said again. The task MQAR (*multi-query associative recall*, of the same paper) is that and nothing else. A sequence begins with pairs, A 4, B 7, C 1, and later asks B? and A?. Whoever kept the pairs apart answers 7 and 4.',
    'Full attention keeps every token, so it can always answer. A recurrence has to store the pairs in its state. How many fit depends on the size of the state, and on how the model writes (lesson 11). So below, the *bytes of the state* stand beside each recall.',
    '## What training changes',
    'In lesson 11 the keys were random. A trained model chooses keys that are far from each other. It learns not to write what will not be asked. And a short convolution before the keys lets it write “the token after A” under A. All of that makes better use of the same state.',
    '## What training does not change',
    'A window never sees what is out of reach. A state of $d$ rows holds at most $d$ independent keys. And a state that only adds and fades cannot count modulo two. For these, no number of steps helps.',
  ],
  picture: {
    draw: 'trained',
    controls: [
      { kind: 'slider', name: 'pairs', label: 'Pairs in a sequence', stops: [2, 4, 8, 16], start: 8 },
      { kind: 'slider', name: 'width', label: 'Width of keys', stops: [4, 8, 16, 32], start: 4 },
      { kind: 'slider', name: 'seed', label: 'Another start', stops: [1, 2, 3], start: 1 },
    ],
    says: 'The library trains three readers in this page, in a second or two each time you move a slider. What is learned is a key for each of 32 symbols. Softmax attention keeps all pairs, and learns even with narrow keys. The two states have as many rows as a key is wide. Give them width, and they catch up.',
  },
  more: [
    {
      title: 'Whole models',
      text: [
        `Two layers, trained for thousands of steps on MQAR with 4 pairs among 64 tokens. The figures are means over seeds. In the first chart, models have up to ${seedsOf('mqar')} of them; in the second, up to ${seedsOf('mqar-heirs')}. Commands and logs are under \`bench/results/training\`.`,
      ],
      picture: {
        kind: 'still',
        drawn: () => {
          const [first, second] = ['mqar', 'mqar-heirs'].map(recallDrawn);
          return { panels: [...first.panels, ...second.panels], says: `${first.says} ${second.says}` };
        },
        says: 'Repeat one of them with `npm start -- train --recipe mqar`, or [train smaller models in the browser](playground.html). One seed is little to go by, since a run may fail altogether: an earlier form of Mamba learned from one seed and not from another (`src/training/recipes/mqar-heirs.ts`).',
      },
    },
  ],
  equations: [
    {
      label: 'The delta rule as a step of learning (Schlag et al. 2021)',
      tex: 'S_t=S_{t-1}-\\beta_t\\,\\nabla_S\\,\\tfrac12\\big\\|S^\\top k_t-v_t\\big\\|^2',
      says: 'Writing by the delta rule is one step of gradient descent on the error of what is read under $k_t$. The state learns while the model reads. These are the lines of lesson 11 again.',
      code: { file: 'site/course/snippets/write.ts', from: "if (rule === 'delta')", to: 'return S.map' },
    },
    {
      label: 'The training of the picture',
      tex: '\\min_K\\ \\mathbb E\\,\\big[-\\log\\mathrm{softmax}(8\\,o)_{\\text{target}}\\big]',
      says: 'Read the sequences, compare with the answers, go backwards, take a step, clear the gradients. Larger models are trained by the same few lines.',
      code: { file: 'site/course/pictures/train.ts', from: 'backward(loss);', to: 'zeroGrad([keys])' },
    },
    {
      label: 'Bytes of the state',
      tex: '\\text{recurrence: } O(h\\,d^2)\\qquad\\text{full attention: } O(h\\,d\\,L)',
      says: 'The library counts what generation really holds after a sequence, over all layers.',
      code: {
        file: 'src/training/state-size.ts',
        from: 'const generation = model.startGeneration',
        to: 'return generation.states()',
      },
    },
  ],
  givesUp: {
    text: [
      'Recall is not the only thing that is lost. A state whose eigenvalues are all positive cannot keep track of what flips: is the light on, after it was switched five times? The recipe `state-tracking` asks just that: whether the number of ones so far is even or odd, so that guessing is right half of the time.',
    ],
    picture: {
      kind: 'still',
      drawn: () => recallDrawn('state-tracking'),
      says: `Full attention of this depth is right in ${formatPercent(recallBy('state-tracking', 'full').accuracy)} of cases. The runs whose names end in *negative* may have $\\beta$ up to 2, and so eigenvalues down to $-1$ (lesson 11). It is the same model otherwise.`,
    },
  },
  questions: [
    {
      ask: 'A variant has an error of 0.9 on MiniLM’s numbers. Is it a bad variant?',
      answer: [
        `It is bad as a *replacement* in MiniLM without training. It may be excellent when trained from the start: the linear transformer’s error is ${formatError(candidate(linear).error ?? Number.NaN)} there, and in the chart above it recalls ${formatPercent(recallBy('mqar', linear).accuracy)}.`,
      ],
    },
    {
      ask: 'With keys of width 4 the sum recalls more of 8 pairs than there are rows. How?',
      answer: [
        'Answers are one of 8 classes, and the largest number wins. A reading that is blurred by other pairs is often still largest in the right place. Room for $d$ pairs is a bound for reading *exactly*.',
      ],
    },
    {
      ask: 'A new model recalls 100 % of MQAR with 4 pairs. What should be asked next?',
      answer: [
        'How large its state is, and what happens with 64 pairs. With few pairs nearly every model is right, and nothing is learned about the difference.',
      ],
    },
  ],
  takeaways: [
    'Untrained error asks about replacing attention. Trained recall asks about a new model.',
    'Recall costs state. Compare models at equal bytes.',
    'Training makes better use of a state, and cannot make it larger.',
    'Some things no training reaches: beyond the window, beyond the rows, beyond positive eigenvalues.',
  ],
  exercises: [],
  variants: ['linear-transformer', 'deltanet', 'gated-deltanet', 'kda', 'based', 'hyena'],
  sources: [
    {
      authors: 'Arora et al.',
      year: 2023,
      title: 'Zoology: Measuring and Improving Recall in Efficient Language Models',
      arxiv: '2312.04927',
    },
    {
      authors: 'Grazzi et al.',
      year: 2024,
      title: 'Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues',
      arxiv: '2411.12537',
    },
  ],
};
