/* Every variant, a line each: the library exports it, and the registry enters it. */
// biome-ignore-all assist/source/organizeImports: by family, as the registry orders them
export { type FullOptions, full } from './full.ts';
export { type FoxOptions, fox } from './fox.ts';
export { type LocalAttentionOptions, localAttention } from './local-attention.ts';
export { type SparseTransformerOptions, sparseTransformer } from './sparse-transformer.ts';
export { type BigBirdOptions, bigbird } from './bigbird.ts';
export { type LongformerOptions, longformer } from './longformer.ts';
export { type AttentionSinksOptions, attentionSinks } from './attention-sinks.ts';
export { type NsaOptions, nsa } from './nsa.ts';
export { type ReformerOptions, reformer } from './reformer.ts';
export { type LinformerOptions, linformer } from './linformer.ts';
export { type NystromformerOptions, nystromformer } from './nystromformer.ts';
export { type LinearTransformerOptions, linearTransformer } from './linear-transformer.ts';
export { type PerformerOptions, performer } from './performer.ts';
export { type BasedOptions, based } from './based.ts';
export { type TransformerXLOptions, transformerXL } from './transformer-xl.ts';
export { type DeltaNetOptions, deltaNet } from './deltanet.ts';
export { type RetNetOptions, retnet } from './retnet.ts';
export { type GlaOptions, gla } from './gla.ts';
export { type Hgrn2Options, hgrn2 } from './hgrn2.ts';
export { type LightningOptions, lightning } from './lightning.ts';
export { type Mamba2Options, mamba2 } from './mamba2.ts';
export { type GatedDeltaNetOptions, gatedDeltaNet } from './gated-deltanet.ts';
export { type KdaOptions, kda } from './kda.ts';
export { type Rwkv7Options, rwkv7 } from './rwkv7.ts';
export { type DynamicConvOptions, dynamicConv } from './dynamic-conv.ts';
export { type LightConvOptions, lightConv } from './light-conv.ts';
