/** Every kind of model that can be loaded, by its `model_type`. Adding one is one line here. */
import { UnsupportedError } from '../core/errors.ts';
import type { Architecture } from './architecture.ts';
import type { Config } from './config.ts';
import { planEncoder } from './encoder.ts';
import { encoderArchitectures } from './encoder-config.ts';
import { reformerArchitecture } from './reformer.ts';

const architectures: readonly Architecture[] = [...encoderArchitectures(planEncoder), reformerArchitecture];

/** Throws UnsupportedError for a `model_type` that is not listed, FileFormatError if the config has none. */
export function architectureOf(config: Config): Architecture {
  const type = config.text('model_type');
  const found = architectures.find(({ modelType }) => modelType === type);
  if (found !== undefined) return found;
  const supported = architectures.map(({ modelType }) => modelType).join(', ');
  throw new UnsupportedError(
    `${config.path}: model_type: expected one of ${supported} (supported here), got '${type}'`,
  );
}
