/** Full attention with one vector as query and key, in place of what a trained Reformer has: how its parts matter. */
import { attention, normalizeRows, upTo } from '../core/ops/index.ts';
import type { Learner } from '../training/learner.ts';

export interface SharedAttention {
  /** k_j = q_j/‖q_j‖, as Kitaev et al. 2020, §2 have it; otherwise k_j = q_j. */
  normalised: boolean;
  /** Whether a token competes with the others for its own attention. In eq. 16 it meets itself only where it meets no other. */
  meetsItself: boolean;
}

/** −m_ii of eq. 16. */
const NOT_ITSELF = -1e5;

/** All layers of a causal model attend in this way from now on. Learned tensors stay as they are. */
export function attendShared({ model }: Learner, { normalised, meetsItself }: SharedAttention): void {
  for (const { attention: layer } of model.body.layers) {
    layer.mixing.attend = ({ queries, values, keyMask }) => {
      const keys = normalised ? normalizeRows(queries) : queries;
      const settings = { keyMask, selfBias: meetsItself ? 0 : NOT_ITSELF };
      return attention(queries, keys, values, upTo(0, queries.shape[2]), settings).output;
    };
  }
}
