/** Every variant, by name. Adding one is one file, one line here, and one in index.ts to export it. */
import { ArgumentError } from '../core/errors.ts';
import { bigbird } from './bigbird.ts';
import { dynamicConv } from './dynamic-conv.ts';
import { full } from './full.ts';
import { lightConv } from './light-conv.ts';
import { linearTransformer } from './linear-transformer.ts';
import { linformer } from './linformer.ts';
import { localAttention } from './local-attention.ts';
import { longformer } from './longformer.ts';
import { nystromformer } from './nystromformer.ts';
import { performer } from './performer.ts';
import { reformer } from './reformer.ts';
import { sparseTransformer } from './sparse-transformer.ts';
import { transformerXL } from './transformer-xl.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

/** A variant whose options are known only by their schema. */
export type AnyVariant = AttentionVariant<CommonOptions>;

const registered = new Map<string, AnyVariant>();

/** Adds a variant, so that compare, patterns, training and the laws find it. Throws ArgumentError for a taken name. */
export function register<Options extends CommonOptions>(variant: AttentionVariant<Options>): void {
  if (registered.has(variant.name)) throw new ArgumentError(`variant: the name '${variant.name}' is taken`);
  registered.set(variant.name, variant as unknown as AnyVariant);
}

register(full);
register(longformer);
register(bigbird);
register(sparseTransformer);
register(linformer);
register(nystromformer);
register(performer);
register(linearTransformer);
register(reformer);
register(localAttention);
register(transformerXL);
register(lightConv);
register(dynamicConv);

/** All variants in order of registration; full attention is the first. */
export function allVariants(): AnyVariant[] {
  return [...registered.values()];
}

export function findVariant(name: string): AnyVariant | undefined {
  return registered.get(name);
}
