/** What variants with the delta rule share: how much of a value is replaced, and whether that may be more than all of it. */
import type { Gate } from './inputs.ts';
import { boolean, type OptionsOf } from './options.ts';

export const deltaRuleOptions = {
  /**
   * Whether β reaches 2 in place of 1: then a key can change the sign of its value in the state, and a model can count parity
   * (Grazzi et al. 2024, arXiv:2411.12537).
   */
  negativeEigenvalues: boolean({
    default: false,
    layerOnly: true,
    description: 'in a layer, whether its β reaches 2, so that eigenvalues of a step reach −1',
  }),
};

/** The options of a variant that has no others. */
export interface DeltaRuleOptions extends OptionsOf<typeof deltaRuleOptions> {}

/** β, a number of each token and head. */
export const betaGate: Gate<DeltaRuleOptions> = {
  symbol: 'β',
  activation: 'sigmoid',
  timesWith: ({ negativeEigenvalues }) => (negativeEigenvalues ? 2 : 1),
  absent: 1,
  description: 'how much of a value in the state is replaced',
};
