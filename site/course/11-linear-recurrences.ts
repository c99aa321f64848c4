/** Lesson 11: linear recurrences: decay, the delta rule, state spaces. */
import { formatPercent } from '../../src/terminal/format.ts';
import { recallBy } from './bench.ts';
import type { Lesson } from './lesson.ts';

const SNIPPET = 'site/course/snippets/write.ts';

/** Right answers of the recipe of state tracking. */
const tracked = (name: string): string => formatPercent(recallBy('state-tracking', name).accuracy);

export const linearRecurrences: Lesson = {
  name: 'linear-recurrences',
  title: 'Linear recurrences: decay, delta rules, state spaces',
  minutes: 30,
  lead: 'One matrix is all the memory there is. The question is how to write into it: add, fade, or replace.',
  idea: [
    'Lesson 9 ended with a state. Causal linear attention keeps $S=\\sum_j k_jv_j^\\top$, a matrix of $d\\times d$ numbers, and reads it with a query: $o=S^\\top q$. That is an associative memory. If all keys were at right angles and of length 1, then $S^\\top k_j=v_j$ exactly: what was written under a key is read under it. There is room for $d$ such keys. With more, or with keys that are alike, what is read is the right value plus a part of all others.',
    'The whole field of the heirs of linear attention is about that one line, $S_t=\\dots$',
    '## Fade',
    'A sum never forgets. So multiply the state by a number below 1 before each step: $S_t=\\gamma S_{t-1}+k_tv_t^\\top$. Old pairs fade, and new ones stand out. In [RetNet](variants/retnet.html) and [Lightning attention](variants/lightning.html) $\\gamma$ is fixed for each head. In [GLA](variants/gla.html) and [HGRN2](variants/hgrn2.html) it is a number for each row of the state that the *token* chooses: a full stop may clear what is no longer needed.',
    '## Replace',
    'Write a key a second time with a new value, and a sum holds both. The *delta rule* first reads what the state returns for $k_t$, and writes only the difference to $v_t$: $S_t=S_{t-1}+\\beta_tk_t(v_t-S_{t-1}^\\top k_t)^\\top$. With $\\beta=1$ and a key of length 1, the old value is gone. That is [DeltaNet](variants/deltanet.html). [Gated DeltaNet](variants/gated-deltanet.html) and [KDA](variants/kda.html) do both, fade and replace. [RWKV-7](variants/rwkv7.html) lets what is erased and what is written differ.',
    '## State spaces',
    "[Mamba](variants/mamba.html) and [Mamba-2](variants/mamba2.html) came from another side. A system $h'=Ah+Bx$, $y=Ch$ describes how a state changes in time. Let each token say how much time passes: a step $\\Delta_t$. A long step forgets and writes much, a short one lets the token pass by. Written out for steps, it is $h_t=e^{\\Delta_tA}h_{t-1}+\\Delta_tB_tx_t^\\top$: a decay that the token chooses, keys $B$, queries $C$ and values $x$. The same line.",
    '## Between the two',
    'A state can grow slowly: [log-linear attention](variants/log-linear.html) keeps one for each power of two of the past. And a convolution is a recurrence’s cousin. Its weights depend on the distance alone ([LightConv](variants/light-conv.html)), on the distance and the token that reads ([DynamicConv](variants/dynamic-conv.html)), or, in [Hyena](variants/hyena.html), a filter as long as the text with gates around it.',
    '## Fast in training',
    'A loop over tokens is slow on machines that like large products. But for a *chunk* of tokens, all pairs inside can be computed as in attention, and only one state is handed from chunk to chunk. That is why all these models are *linear*: with a nonlinearity between steps, chunks could not be taken together.',
  ],
  picture: {
    draw: 'memory',
    controls: [
      {
        kind: 'choice',
        name: 'rule',
        label: 'State shown',
        options: [
          ['sum', 'sum'],
          ['decay', 'sum with decay'],
          ['delta', 'delta rule, β = 1'],
        ],
      },
      { kind: 'slider', name: 'count', label: 'Pairs written', stops: [2, 4, 8, 12, 16, 24, 32], start: 12 },
      { kind: 'slider', name: 'width', label: 'Width d of keys', stops: [4, 8, 16, 32], start: 16 },
      { kind: 'slider', name: 'decay', label: 'Decay γ', stops: [0.5, 0.7, 0.8, 0.9, 0.95, 0.99], start: 0.8 },
      { kind: 'check', name: 'again', label: 'Write the first key again at the end', start: false },
      { kind: 'slider', name: 'seed', label: 'Another draw', stops: [1, 2, 3, 4], start: 1 },
    ],
    says: 'Random keys of length 1 are written with random values, and each is read back from the last state. The sum’s error is on average the same for old and new pairs, and grows with their number. The decay keeps the newest and loses the oldest. The delta rule reads the last pair without an error. Now write the first key again at the end: its old value (pair 1) should be gone. Only the delta rule reads the new one (the last pair) exactly.',
    legend: 'The chart shows all three rules, cut off at an error of 2; the matrix is the state of the one you choose.',
  },
  equations: [
    {
      label: 'Three rules',
      tex: 'S_t=S_{t-1}+k_tv_t^\\top\\qquad S_t=\\gamma S_{t-1}+k_tv_t^\\top\\qquad S_t=S_{t-1}+\\beta_tk_t(v_t-S_{t-1}^\\top k_t)^\\top',
      says: 'As plain loops, and how to read. These lines are tested against the library’s `scan`.',
      code: { file: SNIPPET, from: 'export function written', to: 'S[0].map' },
    },
    {
      label: 'A decay for each head (Sun et al. 2023, eqs. 6 and 8)',
      tex: 'S_n=\\gamma S_{n-1}+K_n^\\top V_n\\qquad \\gamma_h=1-2^{-5-h}',
      says: 'RetNet in whole: turn queries and keys by their positions, choose $\\gamma$ for the head, and hand all to [`scan`](ops/scan.html), which takes chunks.',
      code: { file: 'src/variants/retnet.ts', from: '// Q = (X W_Q) ⊙ Θ', to: "memory.set('S', S)" },
    },
    {
      label: 'The delta rule with a gate (Yang et al. 2025, eq. 10)',
      tex: 'S_t=(I-\\beta_tk_tk_t^\\top)(\\alpha_tS_{t-1})+\\beta_tk_tv_t^\\top',
      says: 'The same rule, multiplied out: $k_tk_t^\\top$ projects onto the key, so $I-\\beta kk^\\top$ takes what lies there out of the state.',
      code: { file: 'src/variants/gated-deltanet.ts', from: '// S_tᵀ = (I − β_t', to: "memory.set('S', S)" },
    },
    {
      label: 'State space (Dao and Gu 2024, eq. 2)',
      tex: 'h_t=e^{\\Delta_tA}h_{t-1}+\\Delta_tB_tx_t^\\top\\qquad y_t=h_t^\\top C_t+Dx_t',
      says: 'With $A<0$ the factor is below 1. In the code $\\log$ of the decay is $\\Delta A$, and the call is the same `scan`.',
      code: { file: 'src/variants/mamba2.ts', from: '// h_t = exp(Δ_t A)', to: 'return memory.leave' },
    },
  ],
  givesUp: {
    text: [
      'A state of fixed size cannot hold a text of any length. However it is written, there is a number of pairs beyond which some are lost; the rule decides *which*. Full attention loses none, and pays with a cache that grows.',
      'Below, random pairs are written, and a value counts as recalled if it is the nearest of all values to what is read.',
    ],
    picture: {
      draw: 'capacity',
      controls: [
        {
          kind: 'choice',
          name: 'rule',
          label: 'Rule',
          options: [
            ['sum', 'sum'],
            ['decay', 'sum with decay 0.9'],
            ['delta', 'delta rule, β = 1'],
          ],
        },
        { kind: 'slider', name: 'seed', label: 'Another draw', stops: [1, 2, 3], start: 1 },
      ],
      says: 'More pairs than the state is wide, and recall falls. A larger state holds more, about in proportion. With a fixed decay, more width helps little: what has faded is gone. With random keys the delta rule does worse than the sum, because it damages old pairs to make each new one exact. Nothing here is trained; a trained model chooses keys that are easier to tell apart, and does not write every token.',
    },
  },
  questions: [
    {
      ask: 'Keys at right angles, of length 1, and $\\beta=1$. How do the sum and the delta rule differ?',
      answer: [
        'Not at all, as long as no key comes twice: $S^\\top k_t=0$ for a new key, so the difference is $v_t$ itself.',
      ],
    },
    {
      ask: 'What does $\\beta=2$ do?',
      answer: [
        `$I-2kk^\\top$ is a reflection, for a key of length 1: it turns what lies along the key around. Eigenvalues below zero let a model count modulo two, which a state with positive eigenvalues cannot. In our runs of the recipe \`state-tracking\`, where guessing is right half of the time, DeltaNet with β up to 1 is right in ${tracked('deltanet')} of cases, and with β up to 2 in ${tracked('deltanet-negative')}. [Lesson 13](course/training.html) has the rest.`,
      ],
    },
    {
      ask: 'A model has a decay of 0.9 for each token. How much of a token is left after 50?',
      answer: [
        '$0.9^{50}\\approx 0.005$. RetNet’s heads have 0.969, 0.984, 0.992 and so on, from $1-2^{-5}$ upwards: some heads forget after some dozens of tokens, others after thousands.',
      ],
    },
    {
      ask: 'Why can these models not put a $\\tanh$ around the state, as older recurrent networks do?',
      answer: [
        'They could, but then a chunk of tokens could no longer be written as products of matrices, and training would be one step after the other. Linearity between steps is what makes them fast.',
      ],
    },
  ],
  takeaways: [
    'The state is a matrix that maps keys to values.',
    'Sum: all pairs blur alike. Decay: the old ones fade. Delta rule: a key’s old value is replaced.',
    'State spaces are the same recurrence, with a step in time that the token chooses.',
    'Linear in between, so chunks of tokens can be taken at once.',
    'A fixed state holds a fixed amount. Its size is the price of recall.',
  ],
  exercises: ['recurrent-step', 'retention', 'delta-rule', 'chunked-scan', 'scan-gradient', 'light-convolution'],
  variants: [
    'retnet',
    'lightning',
    'gla',
    'hgrn2',
    'deltanet',
    'gated-deltanet',
    'kda',
    'rwkv7',
    'mamba',
    'mamba2',
    'log-linear',
    'light-conv',
    'dynamic-conv',
    'hyena',
  ],
  sources: [],
};
