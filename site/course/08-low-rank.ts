/** Lesson 8: low rank and landmarks. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

export const lowRank: Lesson = {
  name: 'low-rank',
  title: 'Low rank and landmarks',
  minutes: 20,
  lead: 'A matrix of weights often holds less than its size suggests. Then a few mixtures of keys, or a few landmarks, can stand for all of them.',
  idea: [
    'Take the $L\\times L$ matrix of weights $A$ of one head and compute its singular values. If they fall fast, then $A$ is nearly a sum of a few products of a column and a row: it has *low rank*, nearly. A matrix of rank $k$ is a product of an $L\\times k$ and a $k\\times L$ matrix, and multiplying by those costs $O(L\\cdot k)$.',
    'But to compute the singular values one needs $A$, which is what we want to avoid. So the factors have to be found without it.',
    '## Fewer keys',
    '[Linformer](variants/linformer.html) (Wang et al. 2020) mixes the $L$ keys into $k$ by a matrix $E$, and the values by $F$. Queries then meet $k$ mixtures. It is ordinary attention, with a short list of keys. $E$ can be learned, or simply be the mean of each stretch of $L/k$ tokens.',
    'Many variants are of this kind: they differ in who mixes. [Memory-compressed attention](variants/memory-compressed.html) uses a convolution with a stride. In the [Set Transformer](variants/set-transformer.html), [Luna](variants/luna.html) and [Perceiver](variants/perceiver.html), a few learned vectors attend to all tokens, and all tokens then attend to those few: two steps of $O(L\\cdot k)$. (Between the two, the few of the Perceiver attend to each other.) [Funnel](variants/funnel.html) and [TokenLearner](variants/token-learner.html) shorten the sequence itself. The [Synthesizer](variants/synthesizer.html) compares no tokens at all: it makes the scores from each query alone, or learns them, and one of its forms learns them as a matrix of low rank.',
    '## Landmarks',
    '[Nyströmformer](variants/nystromformer.html) (Xiong et al. 2021) rebuilds the matrix from a part of it. Choose $m$ landmarks: means of stretches of queries, $\\tilde Q$, and of keys, $\\tilde K$. Compute how all queries meet the landmark keys, how landmark queries meet all keys, and how the landmarks meet each other. The first and the last tell how each token relates to the landmarks; the middle one, inverted, keeps landmarks that are alike from counting twice.',
  ],
  picture: {
    draw: 'spectrum',
    needs: 'minilm-qkv.safetensors',
    controls: [
      {
        kind: 'choice',
        name: 'input',
        label: 'Weights of',
        options: [
          ['layer1', 'MiniLM, layer 1'],
          ['layer4', 'MiniLM, layer 4'],
          ['peaked', 'drawn numbers: peaked'],
        ],
      },
      { kind: 'slider', name: 'head', label: 'Head of MiniLM', stops: [1, 2, 3, 4, 5, 6], start: 4 },
      { kind: 'slider', name: 'rank', label: 'Rank', stops: [1, 2, 4, 8, 12, 16, 24, 32, 48], start: 4 },
    ],
    says: 'The singular values of a real head, and the matrix of a given rank that is nearest to it: nobody can beat that. Heads of layer 4 that look far are nearly of low rank. A head that looks at its neighbours is not, such as head 5 of layer 1: a diagonal has full rank. And the peaked input, where each token looks for one other, is the worst case.',
    legend: 'Orange is below zero: a matrix of low rank need not hold weights.',
  },
  more: [
    {
      title: 'What the variants find',
      text: ['The best matrix knows $A$. Linformer and Nyströmformer do not, and nothing here is trained.'],
      picture: {
        draw: 'beside',
        needs: 'minilm-qkv.safetensors',
        given: () => ({ length: 64 }),
        controls: [
          {
            kind: 'choice',
            name: 'variant',
            label: 'Variant',
            options: [
              ['linformer', 'linformer: means of k stretches'],
              ['nystromformer', 'nystromformer: m landmarks'],
            ],
          },
          layerChoice('layer4'),
          HEAD,
          { kind: 'slider', name: 'budget', label: 'k or m', stops: [2, 4, 8, 16, 32, 64], start: 8 },
        ],
        says: 'Linformer’s columns come in stretches: all tokens of a stretch get the same weight. Nyströmformer shows finer columns, and some weights below zero. With 64 of 64, Linformer is full attention. Nyströmformer is not quite, since its inverse stops after six steps.',
      },
    },
  ],
  equations: [
    {
      label: 'Linformer (Wang et al. 2020, eq. 7)',
      tex: 'O=\\mathrm{softmax}\\Big(\\frac{Q\\,(EK)^\\top}{\\sqrt d}\\Big)(FV)',
      says: '$E$ and $F$ are $k\\times L$. Everything after the mixing is attention as in lesson 1, with $k$ keys.',
      code: { file: 'src/variants/linformer.ts', from: '// softmax(Q (E K)ᵀ/√d) (F V)', to: 'return attention' },
    },
    {
      label: 'Landmarks (Xiong et al. 2021, eq. 13)',
      tex: '\\hat A=\\mathrm{softmax}\\Big(\\tfrac{Q\\tilde K^\\top}{\\sqrt d}\\Big)\\;\\mathrm{softmax}\\Big(\\tfrac{\\tilde Q\\tilde K^\\top}{\\sqrt d}\\Big)^{\\!+}\\;\\mathrm{softmax}\\Big(\\tfrac{\\tilde QK^\\top}{\\sqrt d}\\Big)',
      says: 'Three small softmaxes. They are multiplied with the values from right to left, so that nothing is $L\\times L$.',
      code: { file: 'src/variants/nystromformer.ts', from: '// B̃ V = softmax', to: 'const attended = attention' },
    },
    {
      label: 'The inverse by products alone (eq. 14)',
      tex: 'Z_{j+1}=\\tfrac14 Z_j\\big(13I-AZ_j(15I-AZ_j(7I-AZ_j))\\big)',
      says: '$A$ is now the small matrix in the middle. Each step brings $Z$ nearer to its pseudo-inverse. Products are fast everywhere and have gradients. Six steps leave out the directions of the smallest singular values, which would take more.',
      code: { file: 'src/core/kernels/inverse-steps.ts', from: 'for (let j = 0; j < steps', to: 'Z, W, m, 1 / 4' },
    },
  ],
  givesUp: {
    text: [
      '*Single tokens.* A mixture of eight keys cannot be read as eight keys. If one of them is the one that matters, its value comes with seven others. *Causality.* A mean over a stretch holds later tokens, so most of these variants are for encoders. Luna, the Perceiver and memory-compressed attention have causal forms; that of the Perceiver is quadratic again, unless only the last rows are wanted. *Length*, where $E$ is learned: it has a column for each position.',
      'Below, the error against the cost, without training.',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        sweeps: JSON.stringify([
          {
            variant: 'linformer',
            name: 'linformer, means of 4 to 64 stretches',
            option: 'projectedLength',
            values: [4, 8, 16, 32, 64],
          },
          {
            variant: 'nystromformer',
            name: 'nystromformer, 4 to 32 landmarks',
            option: 'landmarks',
            values: [4, 8, 16, 32],
          },
        ]),
      }),
      controls: [
        inputChoice('words', 'peaked'),
        layerChoice('layer4'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 256], start: 256 },
      ],
      says: 'Nyströmformer comes nearer in layer 4, which looks far, than in layer 1, which looks nearby. On the peaked input both are hardly better than zeros: the means hide what matters.',
    },
  },
  questions: [
    {
      ask: 'Which matrix of weights has rank 1?',
      answer: [
        'One whose rows are all equal: every query gives the same weights. The output is then one vector for all tokens. The first singular value of most heads is large because their rows have much in common, such as a column for `[CLS]`.',
      ],
    },
    {
      ask: 'The identity is a very sparse matrix. Is it of low rank?',
      answer: [
        'No, it has full rank: all of its singular values are 1. A window handles it with one pair for each token, and low rank fails completely. Sparse and low rank are different kinds of simple. [Long-Short](variants/long-short.html) attention adds both.',
      ],
    },
    {
      ask: 'Can weights from $\\hat A$ be negative, and is that bad?',
      answer: [
        'Yes: the pseudo-inverse has entries below zero. The rows still sum to about 1. The output may then leave the hull of the values, which a softmax cannot. A trained model can live with it; a picture of “what the model looks at” gets harder to read.',
      ],
    },
  ],
  takeaways: [
    'If singular values fall fast, a few directions hold most of the matrix.',
    'Mixing keys gives $k$ keys for all queries: $O(L\\cdot k)$.',
    'Landmarks rebuild the matrix from three small softmaxes and an inverse.',
    'Low rank is the opposite of sharp: neighbours and single tokens are what it loses.',
  ],
  exercises: ['linformer', 'nystrom'],
  variants: [
    'linformer',
    'nystromformer',
    'memory-compressed',
    'set-transformer',
    'funnel',
    'luna',
    'perceiver',
    'token-learner',
    'synthesizer',
    'long-short',
  ],
  sources: [],
};
