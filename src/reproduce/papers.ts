/** The papers whose tables and figures are repeated here, by the name that the command takes. */

export interface Paper {
  /** As the command takes it. */
  name: string;
  authors: string;
  year: number;
  title: string;
  arxiv: string;
}

const paper = (name: string, authors: string, year: number, arxiv: string, title: string): Paper => {
  return { name, authors, year, title, arxiv };
};

export const PAPERS = {
  performer: paper('performer', 'Choromanski et al.', 2021, '2009.14794', 'Rethinking Attention with Performers'),
  linformer: paper('linformer', 'Wang et al.', 2020, '2006.04768', 'Linformer: Self-Attention with Linear Complexity'),
  linearTransformer: paper(
    'linear-transformer',
    'Katharopoulos et al.',
    2020,
    '2006.16236',
    'Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention',
  ),
  nystromformer: paper(
    'nystromformer',
    'Xiong et al.',
    2021,
    '2102.03902',
    'Nyströmformer: A Nyström-Based Algorithm for Approximating Self-Attention',
  ),
  transformerXl: paper(
    'transformer-xl',
    'Dai et al.',
    2019,
    '1901.02860',
    'Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context',
  ),
  lra: paper('lra', 'Tay et al.', 2021, '2011.04006', 'Long Range Arena: A Benchmark for Efficient Transformers'),
  reformer: paper('reformer', 'Kitaev et al.', 2020, '2001.04451', 'Reformer: The Efficient Transformer'),
  longformer: paper('longformer', 'Beltagy et al.', 2020, '2004.05150', 'Longformer: The Long-Document Transformer'),
  bigbird: paper('bigbird', 'Zaheer et al.', 2020, '2007.14062', 'Big Bird: Transformers for Longer Sequences'),
  negativeEigenvalues: paper(
    'negative-eigenvalues',
    'Grazzi et al.',
    2024,
    '2411.12537',
    'Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues',
  ),
  attentionSinks: paper(
    'attention-sinks',
    'Xiao et al.',
    2024,
    '2309.17453',
    'Efficient Streaming Language Models with Attention Sinks',
  ),
  based: paper(
    'based',
    'Arora et al.',
    2024,
    '2402.18668',
    'Simple linear attention language models balance the recall-throughput tradeoff',
  ),
  gatedDeltanet: paper(
    'gated-deltanet',
    'Yang et al.',
    2025,
    '2412.06464',
    'Gated Delta Networks: Improving Mamba2 with Delta Rule',
  ),
  zoology: paper(
    'zoology',
    'Arora et al.',
    2023,
    '2312.04927',
    'Zoology: Measuring and Improving Recall in Efficient Language Models',
  ),
  survey: paper('survey', 'Tay et al.', 2022, '2009.06732', 'Efficient Transformers: A Survey'),
} as const;
