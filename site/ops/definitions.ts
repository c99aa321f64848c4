/** What each op of src/core/ops computes, as equations: forward, and what the way back makes of a gradient G = ∂ℓ/∂(output). */
import type { Prose } from '../papers/paper.ts';

export interface OpDefinition {
  /** Of src/core/ops, without its ending. */
  file: string;
  /** What the file's ops are for, in a sentence. */
  says: Prose;
  /** Display style. */
  forward: string;
  /** Null where nothing is differentiated: `why` says the reason. */
  gradient: string | null;
  why?: Prose;
  /** The plain loops that define it: functions of a file, by name. */
  loops: readonly { file: string; names: readonly string[] }[];
}

const tex = String.raw;
const reference = (file: string, ...names: string[]) => ({ file: `src/core/${file}.ts`, names });
const kernel = (file: string, ...names: string[]) => ({ file: `src/core/kernels/${file}.ts`, names });
const op = (file: string, ...names: string[]) => ({ file: `src/core/ops/${file}.ts`, names });

export const opDefinitions: readonly OpDefinition[] = [
  {
    file: 'attention',
    says: tex`Softmax attention over any sets of keys $\mathcal{S}_i$, with optional terms in a score. It never holds all scores in memory: tiles of queries keep a running maximum and a running sum.`,
    forward: tex`S_{ij} = s\, q_i^\top k_j + s\, \hat q_i^\top r_{p_i - j} + b_{ij} - a\,|p_i - j| + G_{p_i} - G_j, \qquad P_{ij} = \frac{e^{S_{ij}}}{\sum_{n \in \mathcal{S}_i} e^{S_{in}}}, \qquad o_i = \sum_{j \in \mathcal{S}_i} P_{ij} v_j`,
    gradient: tex`\frac{\partial \ell}{\partial v_j} = \sum_i P_{ij} G_i, \qquad \frac{\partial \ell}{\partial S_{ij}} = P_{ij}\Big(G_i^\top v_j - \sum_n P_{in}\, G_i^\top v_n\Big), \qquad \frac{\partial \ell}{\partial q_i} = s \sum_j \frac{\partial \ell}{\partial S_{ij}} k_j, \qquad \frac{\partial \ell}{\partial k_j} = s \sum_i \frac{\partial \ell}{\partial S_{ij}} q_i`,
    loops: [reference('reference', 'referenceWeights', 'referenceAttention', 'referenceAttentionGradients')],
  },
  {
    file: 'entmax',
    says: tex`$\alpha$-entmax, a softmax that gives some weights of exactly 0, and attention by it. $\alpha = 1$ is softmax, $\alpha = 2$ sparsemax. Newton's method finds the threshold $\tau$ in float64.`,
    forward: tex`p_i = \big[(\alpha - 1)\, x_i - \tau\big]_+^{1/(\alpha - 1)}, \qquad \sum_i p_i = 1, \qquad o = \sum_j p_j v_j`,
    gradient: tex`\frac{\partial \ell}{\partial x_i} = p_i^{2 - \alpha}\Big(G_i - \sum_j \tilde p_j G_j\Big), \qquad \tilde p_i = \frac{p_i^{2 - \alpha}}{\sum_j p_j^{2 - \alpha}}, \qquad \frac{\partial \ell}{\partial \alpha} = \sum_i G_i\Big(\frac{p_i - \tilde p_i}{(\alpha - 1)^2} - \frac{p_i \log p_i - \tilde p_i \sum_j p_j \log p_j}{\alpha - 1}\Big)`,
    loops: [kernel('entmax', 'entmaxRow', 'entmaxRowGradient')],
  },
  {
    file: 'join-attention',
    says: tex`Joins attentions over disjoint sets of keys into one attention over all of them, by the logarithms $z$ of their sums.`,
    forward: tex`o_i = \sum_p w_{ip}\, o_{ip}, \qquad w_{ip} = e^{z_{ip} - z_i}, \qquad z_i = \log \sum_p e^{z_{ip}}`,
    gradient: tex`\frac{\partial \ell}{\partial o_{ip}} = w_{ip} G_i, \qquad \frac{\partial \ell}{\partial z_{ip}} = w_{ip}\Big(G_i^\top (o_{ip} - o_i) + \frac{\partial \ell}{\partial z_i}\Big)`,
    loops: [kernel('join', 'joinKernel', 'joinGradientKernel')],
  },
  {
    file: 'scan',
    says: tex`Linear recurrences: a state $S$ decays, and each token writes to it and reads it. The op works in chunks of tokens and gives the result of the loop below.`,
    forward: tex`S_t = \big(I - \beta_t k_t k_t^\top\big)\, \mathrm{Diag}(a_t)\, S_{t-1} + \beta_t k_t v_t^\top, \qquad o_t = S_t^\top q_t`,
    gradient: tex`\begin{gathered} D_t = q_t G_t^\top + \mathrm{Diag}(a_{t+1})\big(I - \beta_{t+1} k_{t+1} k_{t+1}^\top\big) D_{t+1} \\ \frac{\partial \ell}{\partial q_t} = S_t G_t, \qquad \frac{\partial \ell}{\partial v_t} = \beta_t D_t^\top k_t, \qquad \frac{\partial \ell}{\partial S_0} = \mathrm{Diag}(a_1)\big(I - \beta_1 k_1 k_1^\top\big) D_1 \end{gathered}`,
    loops: [reference('reference/linear', 'referenceScan')],
  },
  {
    file: 'selective-scan',
    says: tex`The recurrence of Mamba: channel $c$ of the values has a state $h^c$ of its own, with a step $\Delta_t^c$ at each token and rates $A^c \le 0$. It walks each channel token by token, and on the way back computes its states anew from every 64th.`,
    forward: tex`h_t^c = e^{\Delta_t^c A^c} \odot h_{t-1}^c + \Delta_t^c x_t^c B_t, \qquad y_t^c = C_t^\top h_t^c`,
    gradient: tex`\begin{gathered} g_t^c = G_t^c C_t + e^{\Delta_{t+1}^c A^c} \odot g_{t+1}^c, \qquad e_t^c = e^{\Delta_t^c A^c} \odot h_{t-1}^c \odot g_t^c \\ \frac{\partial \ell}{\partial C_t} = \sum_c G_t^c h_t^c, \qquad \frac{\partial \ell}{\partial B_t} = \sum_c \Delta_t^c x_t^c g_t^c, \qquad \frac{\partial \ell}{\partial x_t^c} = \Delta_t^c B_t^\top g_t^c \\ \frac{\partial \ell}{\partial \Delta_t^c} = x_t^c B_t^\top g_t^c + A^{c\top} e_t^c, \qquad \frac{\partial \ell}{\partial A^c} = \sum_t \Delta_t^c e_t^c, \qquad \frac{\partial \ell}{\partial h_0^c} = e^{\Delta_1^c A^c} \odot g_1^c \end{gathered}`,
    loops: [reference('reference/linear', 'referenceSelectiveScan')],
  },
  {
    file: 'feature-attention',
    says: tex`Attention whose weights are products of positive features, given by their logarithms $a$ and $b$, in time that is linear in the length. Each channel $f$ of the sums has its own scale $m_f$, the largest exponent so far. So features of any size neither overflow nor underflow.`,
    forward: tex`w_{ij} = \sum_f e^{a_{if} + b_{jf} + c_j}, \qquad o_i = \frac{\sum_j w_{ij} v_j}{\sum_j w_{ij}} = \frac{\sum_f e^{a_{if} + m_f} \sum_j e^{b_{jf} + c_j - m_f}\, v_j}{\sum_f e^{a_{if} + m_f} \sum_j e^{b_{jf} + c_j - m_f}}`,
    gradient: tex`\frac{\partial \ell}{\partial v_j} = \sum_i \frac{w_{ij}}{\sum_n w_{in}} G_i, \qquad \frac{\partial \ell}{\partial a_{if}} = \sum_j \frac{e^{a_{if} + b_{jf} + c_j}}{\sum_n w_{in}}\, G_i^\top (v_j - o_i), \qquad \frac{\partial \ell}{\partial b_{jf}} = \sum_i \frac{e^{a_{if} + b_{jf} + c_j}}{\sum_n w_{in}}\, G_i^\top (v_j - o_i)`,
    loops: [reference('reference/linear', 'referenceExponentAttention')],
  },
  {
    file: 'matmul',
    says: 'Matrix products, for all leading axes at once.',
    forward: tex`C_{ij} = \sum_n A_{in} B_{nj}`,
    gradient: tex`\frac{\partial \ell}{\partial A} = G B^\top, \qquad \frac{\partial \ell}{\partial B} = A^\top G`,
    loops: [reference('reference/matrices', 'referenceMatmul')],
  },
  {
    file: 'softmax',
    says: 'Turns each row into weights that sum to 1. It subtracts the largest entry first, so that no exponential overflows.',
    forward: tex`y_j = \frac{e^{x_j - \max_n x_n}}{\sum_m e^{x_m - \max_n x_n}}`,
    gradient: tex`\frac{\partial \ell}{\partial x_j} = y_j \Big(G_j - \sum_n y_n G_n\Big)`,
    loops: [kernel('rows', 'softmaxKernel', 'softmaxGradientKernel')],
  },
  {
    file: 'layer-norm',
    says: 'Gives each row a mean of 0 and a variance of 1, and then a gain and a bias to each column.',
    forward: tex`y_j = g_j\, \hat x_j + b_j, \qquad \hat x_j = \frac{x_j - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad \mu = \frac{1}{d}\sum_j x_j, \qquad \sigma^2 = \frac{1}{d} \sum_j (x_j - \mu)^2`,
    gradient: tex`\frac{\partial \ell}{\partial x_j} = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \Big(g_j G_j - \frac{1}{d}\sum_n g_n G_n - \frac{\hat x_j}{d} \sum_n g_n G_n \hat x_n\Big), \qquad \frac{\partial \ell}{\partial g_j} = \sum_{\text{rows}} G_j \hat x_j, \qquad \frac{\partial \ell}{\partial b_j} = \sum_{\text{rows}} G_j`,
    loops: [kernel('layer-norm', 'layerNormKernel', 'layerNormGradientKernel')],
  },
  {
    file: 'elementwise',
    says: 'Computes each element from one or two others. An axis of length 1 is repeated; its gradients are summed.',
    forward: tex`y = f(a, b)`,
    gradient: tex`\frac{\partial \ell}{\partial a} = G\, \frac{\partial f}{\partial a}, \qquad \frac{\partial \ell}{\partial b} = G\, \frac{\partial f}{\partial b}`,
    loops: [kernel('elementwise', 'binaryKernels'), kernel('unary', 'unaryKernels')],
  },
  {
    file: 'reduce',
    says: 'Sums, means, largest entries and log-sum-exps along one axis. The largest entry passes no gradient: it only serves as a scale.',
    forward: tex`\textstyle \sum_j x_j, \qquad \max_j x_j, \qquad \log \sum_j e^{x_j}`,
    gradient: tex`\frac{\partial \ell}{\partial x_j} = G \quad \text{of the sum}, \qquad \frac{\partial \ell}{\partial x_j} = G\, \frac{e^{x_j}}{\sum_n e^{x_n}} \quad \text{of } \log \sum_n e^{x_n}`,
    loops: [kernel('rows', 'sumKernel', 'maxKernel', 'logSumExpKernel', 'logSumExpGradientKernel')],
  },
  {
    file: 'normalize',
    says: 'Scales each row to length 1. A row of zeros stays as it is.',
    forward: tex`y = \frac{x}{\|x\|}`,
    gradient: tex`\frac{\partial \ell}{\partial x} = \frac{G - y\,(y^\top G)}{\|x\|}`,
    loops: [kernel('normalize', 'normalizeKernel', 'normalizeGradientKernel')],
  },
  {
    file: 'convolution',
    says: tex`Makes each token a mixture of its $k$ neighbours, by weights of its own or by weights that all share.`,
    forward: tex`o_i = \sum_{t = 0}^{k - 1} w_{it}\, v_{i + t - \mathrm{before}}`,
    gradient: tex`\frac{\partial \ell}{\partial w_{it}} = G_i^\top v_{i + t - \mathrm{before}}, \qquad \frac{\partial \ell}{\partial v_j} = \sum_t w_{(j - t + \mathrm{before})\, t}\; G_{j - t + \mathrm{before}}`,
    loops: [kernel('convolution', 'bandKernel', 'bandWeightsKernel')],
  },
  {
    file: 'long-convolution',
    says: tex`Mixes each column with all its earlier entries, by a filter as long as the sequence. Fourier transforms do that in $O(L \log L)$.`,
    forward: tex`y_i = \sum_{j \le i} h_{i - j} \circ z_j`,
    gradient: tex`\frac{\partial \ell}{\partial z_j} = \sum_{i \ge j} h_{i - j} \circ G_i, \qquad \frac{\partial \ell}{\partial h_t} = \sum_{i \ge t} G_i \circ z_{i - t}`,
    loops: [
      kernel('long-convolution', 'longConvolutionKernel', 'longConvolutionGradientKernel', 'directConvolutionKernel'),
      kernel('fourier', 'multiplySpectra'),
    ],
  },
  {
    file: 'cast',
    says: 'Gives the same numbers in another type, rounded once where that has fewer digits.',
    forward: tex`y = x`,
    gradient: tex`\frac{\partial \ell}{\partial x} = G`,
    loops: [],
  },
  {
    file: 'gather',
    says: 'Gathers rows by their numbers, or scatters rows to their places.',
    forward: tex`y_n = x_{p_n}`,
    gradient: tex`\frac{\partial \ell}{\partial x_i} = \sum_{n:\, p_n = i} G_n`,
    loops: [kernel('rows', 'gatherKernel', 'putRowsKernel', 'scatterAddKernel')],
  },
  {
    file: 'shape',
    says: 'Views the same numbers with another shape or order. Most of these copy nothing.',
    forward: tex`y_{\pi(n)} = x_n`,
    gradient: tex`\frac{\partial \ell}{\partial x_n} = G_{\pi(n)}`,
    loops: [],
  },
  {
    file: 'mask',
    says: 'Replaces the padding by zeros, whatever it holds.',
    forward: tex`y_j = \begin{cases} x_j & \text{if } j \text{ is real} \\ 0 & \text{else} \end{cases}`,
    gradient: tex`\frac{\partial \ell}{\partial x_j} = \begin{cases} G_j & \text{if } j \text{ is real} \\ 0 & \text{else} \end{cases}`,
    loops: [],
  },
  {
    file: 'segments',
    says: tex`Cuts a sequence into segments $\mathcal{B}_r$ of nearly equal size, and mixes one row from the tokens of each.`,
    forward: tex`y_r = \sum_{j \in \mathcal{B}_r} w_{rj}\, x_j`,
    gradient: tex`\frac{\partial \ell}{\partial x_j} = w_{rj}\, G_r, \qquad \frac{\partial \ell}{\partial w_{rj}} = G_r^\top x_j \qquad (j \in \mathcal{B}_r)`,
    loops: [op('segments', 'segmentsOf', 'mixSegments')],
  },
  {
    file: 'hash',
    says: tex`Locality-sensitive hashing: finds which of $n$ random directions, or of their opposites, a row is nearest to.`,
    forward: tex`h(x) = \operatorname{argmax}\,[xR;\; -xR]`,
    gradient: null,
    why: 'The number of a bucket changes in jumps, so there is no gradient.',
    loops: [kernel('hash', 'directionHashKernel')],
  },
  {
    file: 'sort',
    says: 'Sorts small whole numbers by counting them. Equal numbers keep their order.',
    forward: tex`k_{\pi(0)} \le k_{\pi(1)} \le \dots, \qquad k_{\pi(n)} = k_{\pi(n+1)} \Rightarrow \pi(n) < \pi(n+1)`,
    gradient: null,
    why: 'An order changes in jumps, so there is no gradient.',
    loops: [kernel('sort', 'countingSortKernel')],
  },
  {
    file: 'top-blocks',
    says:
      'Chooses the blocks of tokens that a query meets, by its softmax over coarse keys: the first block, the last two, and the ' +
      'best of the others. A coarse key counts for a block by the tokens that they share.',
    forward: tex`s_{tj} = \sum_h \sum_i \operatorname{softmax}(q_t^{(h)\top} \tilde K^{(h)})_i \; \frac{|\tilde B_i \cap B_j|}{d}, \qquad I_t = \operatorname{top}_n s_t`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('top-blocks', 'topBlocksKernel')],
  },
  {
    file: 'top-keys',
    says: 'Chooses the keys that a query meets, by the scores of an indexer. Of keys that score alike it chooses the nearest.',
    forward: tex`I_{ts} = \sum_j w_{tj} \operatorname{ReLU}(q_{tj}^\top k_{sj}), \qquad S_t = \operatorname{top}_k I_t`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('top-keys', 'topKeysKernel')],
  },
  {
    file: 'strongest',
    says: tex`Chooses the $w$ tokens that score highest for each cluster, among new ones and those that it held before.`,
    forward: tex`M_c = \{\, t : s_{ct} \text{ is one of the } w \text{ largest} \,\}`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('strongest', 'strongestKernel')],
  },
  {
    file: 'scatter-add',
    says: 'Adds rows up where their numbers say: what a gather does, the other way round.',
    forward: tex`y_i = \sum_{n:\, p_n = i} x_n`,
    gradient: tex`\frac{\partial \ell}{\partial x_n} = G_{p_n}`,
    loops: [kernel('rows', 'scatterAddKernel')],
  },
  {
    file: 'nearest-keys',
    says: 'Chooses the keys of the largest products with rows in float64, whatever the type of the keys.',
    forward: tex`T_j = \{\, l : q_j^\top k_l \text{ is one of the } k \text{ largest} \,\}`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('nearest-keys', 'nearestKeysKernel')],
  },
  {
    file: 'best-pairs',
    says: tex`Chooses the $k$ pairs of a first and a second half with the largest sums of scores. They are among the pairs of the $k$ best first and the $k$ best second halves, so not all $n^2$ sums are made.`,
    forward: tex`\{\, (i, j) : a_i + b_j \text{ is one of the } k \text{ largest} \,\}`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('best-pairs', 'bestPairsKernel')],
  },
  {
    file: 'grouped-matmul',
    says: tex`A product with another matrix for each group of rows. Rows of expert $g$ stand together, from $b_g$ to $b_{g+1} - 1$, so a mixture of experts costs what its rows cost.`,
    forward: tex`y_n = x_n W_g \quad \text{for } b_g \le n < b_{g+1}`,
    gradient: tex`\frac{\partial \ell}{\partial x_n} = G_n W_g^\top, \qquad \frac{\partial \ell}{\partial W_g} = \sum_{n = b_g}^{b_{g+1} - 1} x_n^\top G_n`,
    loops: [op('grouped-matmul', 'eachGroup')],
  },
  {
    file: 'weighted-rows',
    says: tex`Sums of rows of a table $V$ with weights: what a memory returns for the rows $i_{tc}$ that a token reads. No row is copied, in either pass.`,
    forward: tex`y_t = \sum_c w_{tc}\, V_{i_{tc}}`,
    gradient: tex`\frac{\partial \ell}{\partial w_{tc}} = G_t^\top V_{i_{tc}}, \qquad \frac{\partial \ell}{\partial V_n} = \sum_{t, c:\; i_{tc} = n} w_{tc}\, G_t`,
    loops: [kernel('listed-rows', 'addListedRows', 'dotsOfListed'), kernel('weighted-rows', 'weightedRowsTableKernel')],
  },
  {
    file: 'sinkhorn',
    says: tex`Divides rows and columns of $e^R$ by their sums in turn, until both sum to 1, in logarithms; causally each row after those above it, with sums that end there.`,
    forward: tex`S^0 = e^R, \quad S^k = F_c(F_r(S^{k-1}))`,
    gradient: tex`\frac{\partial \ell}{\partial x_n} = \frac{\partial \ell}{\partial y_n} - e^{y_n} \sum_m \frac{\partial \ell}{\partial y_m} \text{ for } y = x - \log \textstyle\sum e^{x}`,
    loops: [kernel('sinkhorn', 'balanceKernel'), kernel('sinkhorn', 'causalBalanceKernel')],
  },
  {
    file: 'running-maximum',
    says: 'The largest number so far, which running scales are made of.',
    forward: tex`m_t = \max(m_{t-1}, x_t)`,
    gradient: null,
    why: 'A scale cancels between numerator and denominator, so it counts as a constant.',
    loops: [op('running-maximum', 'runningMaximum')],
  },
  {
    file: 'choose-blocks',
    says: tex`Finds the $k$ blocks of keys whose means $m_n$ have the largest products with a query, among those that end before it.`,
    forward: tex`\{\, n : q_i^\top m_n \text{ is one of the } k \text{ largest} \,\}`,
    gradient: null,
    why: 'A choice changes in jumps, so there is no gradient.',
    loops: [kernel('choose-blocks', 'chooseBlocksKernel')],
  },
  {
    file: 'gate-sums',
    says: tex`Running sums of the logarithms of forget gates, in float64. Forgetting attention adds $G_i - G_j$ to a score.`,
    forward: tex`G_t = G_{t-1} + \log f_t`,
    gradient: tex`\frac{\partial \ell}{\partial \log f_t} = \sum_{i \ge t} \frac{\partial \ell}{\partial G_i}`,
    loops: [op('gate-sums', 'sumGates')],
  },
  {
    file: 'layout',
    says: 'Says which run of keys each query meets, as two numbers for each query.',
    forward: tex`\mathcal{S}_i = \{\, b_i,\; b_i + 1,\; \dots,\; e_i - 1 \,\}`,
    gradient: null,
    why: 'It holds positions only, so there is no gradient.',
    loops: [op('layout', 'band', 'everything', 'runs')],
  },
];
