/** Written by `npm run readme` from `npm run bench -- --suite scaling`: exponents of time and memory over the length. */
export const SURVEY_SLOPES: Readonly<Record<string, { time: number | null; memory: number | null }>> = {
  'local-attention': { time: 1, memory: 1 },
  'sparse-transformer': { time: 1.35, memory: 1 },
  bigbird: { time: 1.02, memory: 1 },
  longformer: { time: 1.01, memory: 1 },
  reformer: { time: 0.98, memory: 1.01 },
  linformer: { time: 0.97, memory: 0.96 },
  nystromformer: { time: 0.89, memory: 0.8 },
  'linear-transformer': { time: 0.89, memory: 0.99 },
  performer: { time: 0.97, memory: 0.52 },
  'transformer-xl': { time: 0.9, memory: 0.94 },
};
