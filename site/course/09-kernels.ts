/** Lesson 9: kernels and random features. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

export const kernels: Lesson = {
  name: 'kernels',
  title: 'Kernels and random features',
  minutes: 25,
  lead: 'Write a weight as a product of features of the query and features of the key. Then the keys can be summed before any query comes, and the square is gone for good.',
  idea: [
    'Attention multiplies three matrices, $QK^\\top$ and then $V$. A product of three matrices may be taken in either order. From the left it is $L\\times L$ in between. From the right, $K^\\top V$ is only $d\\times d$, whatever $L$ is. That would be linear in $L$. But the softmax stands between the two products, and $e^{q\\cdot k}$ must be taken for each pair.',
    'So replace it. Let the weight of a pair be $\\varphi(q)\\cdot\\varphi(k)$, where $\\varphi$ turns a vector into a vector of *features*, and each by itself. Then nothing stands between:',
    '$\\sum_j \\varphi(q_i)\\cdot\\varphi(k_j)\\,v_j = \\varphi(q_i)^\\top\\big(\\sum_j\\varphi(k_j)v_j^\\top\\big)$',
    'The sum in brackets is the same for all queries. It is a matrix $S$ of features times values. Read all keys once, add them up, and then every query reads $S$.',
    '## Which features?',
    'The [linear transformer](variants/linear-transformer.html) (Katharopoulos et al. 2020) takes simple ones, $\\mathrm{elu}(x)+1$: that is $x+1$ above 0 and $e^x$ below, so always positive. It is not an approximation of the softmax, but another function, to be trained from the start.',
    '[Performer](variants/performer.html) (Choromanski et al. 2021) wants the softmax itself. It is a fact about Gaussian random vectors $\\omega$ that $e^{q\\cdot k}$ is the *mean* of $e^{\\omega\\cdot q-\\|q\\|^2/2}\\,e^{\\omega\\cdot k-\\|k\\|^2/2}$. So draw $m$ of them, and use these numbers as features: their product is right in the mean, and closer the more there are. Older features use sines and cosines; they too are right in the mean, but where a weight is small they can come out negative, and a sum of such weights may be 0.',
    '## Causal',
    'For a causal model, let $S$ grow: add token $t$, then read with query $t$. That is a recurrent network with the state $S$. The size of $S$ does not depend on how much was read. Lesson 11 goes on from here.',
  ],
  picture: {
    draw: 'features',
    controls: [
      { kind: 'slider', name: 'norm', label: 'Length of the vectors', stops: [0.25, 0.5, 1, 1.5, 2, 2.5], start: 1 },
      { kind: 'slider', name: 'seed', label: 'Another draw', stops: [1, 2, 3, 4, 5], start: 1 },
    ],
    says: 'The error of an estimated weight falls with the square root of the number of features: four times as many for half the error. Now make the vectors longer. Long vectors mean sharp attention, and the error grows quickly. That of sines and cosines explodes, because small weights drown in it. Positive features suffer less.',
    legend:
      'Drawn pairs of vectors of width 16. Orthogonal directions are drawn at right angles to each other, which helps a little.',
  },
  more: [
    {
      title: 'On a trained model’s numbers',
      text: ['MiniLM was trained with the softmax. What happens if its numbers meet another kernel, untrained?'],
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
              ['performer', 'performer: m random features'],
              ['linear-transformer', 'linear-transformer: elu + 1'],
            ],
          },
          layerChoice('layer4'),
          HEAD,
          { kind: 'slider', name: 'budget', label: 'Random features m', stops: [8, 16, 32, 64, 128, 256], start: 32 },
          { kind: 'slider', name: 'seed', label: 'Another draw', stops: [0, 1, 2, 3], start: 0 },
        ],
        says: 'Performer’s matrix has the right columns, and noise that differs from draw to draw. The linear transformer’s is far more even: its weights cannot grow exponentially with a score.',
      },
    },
  ],
  equations: [
    {
      label: 'The other order (Katharopoulos et al. 2020, eq. 5)',
      tex: 'o_i=\\frac{\\varphi(q_i)^\\top\\sum_j\\varphi(k_j)v_j^\\top}{\\varphi(q_i)^\\top\\sum_j\\varphi(k_j)}',
      says: 'Below the line stands the sum of the weights, so that a row’s weights have the sum 1 as before. Both sums are kept together.',
      code: {
        file: 'src/variants/linear-transformer.ts',
        from: '// V′_i = φ(Q_i)ᵀ S_i',
        to: 'return attendByFeatures',
      },
    },
    {
      label: 'Positive random features (Choromanski et al. 2021, lemma 1)',
      tex: 'e^{x\\cdot y}=\\mathbb E_{\\omega\\sim N(0,I)}\\Big[e^{\\omega\\cdot x-\\|x\\|^2/2}\\;e^{\\omega\\cdot y-\\|y\\|^2/2}\\Big]',
      says: 'All features are positive, so no estimated weight is negative. The code keeps their logarithms, since they may be very large or very small.',
      code: {
        file: 'src/variants/performer.ts',
        from: '// φ(x) = exp(−‖x‖²/2)/√m',
        to: 'return { logH: scale(squaredNorm(x), -0.5), f: u',
      },
    },
    {
      label: 'The second order of the series (Arora et al. 2024, eq. 4)',
      tex: 'e^{s}\\approx 1+s+\\tfrac{s^2}2',
      says: 'No randomness: take the beginning of the series of $e^s$. A square of a product is a product of $d^2$ features. [Based](variants/based.html) projects to few columns first, so that $d^2$ stays small.',
      code: { file: 'src/variants/based.ts', from: 'const first = scale(x, d ** -0.25)', to: 'return { f: concat' },
    },
  ],
  givesUp: {
    text: [
      'Sharpness. A row of an exact softmax can put nearly all weight on one key among a thousand. A product of $r$ features is a matrix of rank $r$: with fewer features than tokens, the rows cannot all be sharp, each at its own place. For text that means: looking up one exact earlier word is hard.',
      'The price of a *good* estimate also rises steeply with the length of queries and keys, as the first picture showed. That is why many later models do not estimate the softmax. They take simple features, and train with them from the start.',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        sweeps: JSON.stringify([
          {
            variant: 'performer',
            name: 'performer, 8 to 256 features',
            option: 'numRandomFeatures',
            values: [8, 16, 32, 64, 128, 256],
          },
          { variant: 'rfa', name: 'rfa, 8 to 64 features', option: 'numRandomFeatures', values: [8, 16, 32, 64] },
        ]),
      }),
      controls: [
        inputChoice('words', 'peaked', 'gaussian'),
        layerChoice('layer4'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 256], start: 256 },
      ],
      says: 'In layer 1 a window of the same cost does far better (lesson 5). Layer 4 is more even, and there few features do nearly as well as many. RFA divides queries and keys by their lengths first: its features are then good ones, but of another attention, and more of them change little.',
    },
  },
  questions: [
    {
      ask: 'At which length is a linear attention with $d=64$ features cheaper than full attention?',
      answer: [
        'Per token, full attention costs about $4Ld$ and the linear one about $4d^2$: $2d^2$ for adding to $S$ and as much for reading it. They are equal at $L=d$, so from some hundred tokens on, once the overhead is counted.',
      ],
    },
    {
      ask: 'Why must the features be positive?',
      answer: [
        'So that each weight is, and the sum below the line is not 0 by chance. With features of both signs, two weights may cancel, and the quotient explodes. The library keeps such sums away from 0 and says so on [Performer’s page](variants/performer.html).',
      ],
    },
    {
      ask: 'Does $S$ hold every key?',
      answer: [
        'Not separately. It holds their sum. With $r$ features there are at most $r$ directions to tell keys apart by. Two keys with nearly the same features blur into one. Lesson 11 shows it, and what a *delta rule* does about it.',
      ],
    },
    {
      ask: 'Why is the estimate with $m$ features better if their directions are at right angles?',
      answer: [
        'Two independent random directions may happen to be close, and then the second tells little that the first has not. Directions at right angles never are. Each by itself has the same distribution, so the mean stays right.',
      ],
    },
  ],
  takeaways: [
    'If a weight is $\\varphi(q)\\cdot\\varphi(k)$, sum over the keys first: $O(L\\cdot r\\cdot d)$.',
    'Random positive features estimate the softmax without bias; their error grows with the length of the vectors.',
    'Simple features make another function, which has to be trained.',
    'Causally it is a recurrence with a state of fixed size.',
    'It gives up sharp weights, and with them exact recall.',
  ],
  exercises: ['performer', 'prefix-sums'],
  variants: ['linear-transformer', 'performer', 'rfa', 'based'],
  sources: [],
};
