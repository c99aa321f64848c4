import type { EfficientTransformersError } from '../../../src/core/errors.ts';

/** Throws unless `body` throws an error of exactly this type whose message begins with the argument's name. */
export function expectThrows(
  type: new (message: string) => EfficientTransformersError,
  argument: string,
  body: () => void,
): void {
  let thrown: unknown = null;
  try {
    body();
  } catch (error) {
    thrown = error;
  }
  if (thrown === null) throw new Error(`${argument}: expected a ${type.name}, nothing was thrown`);
  const { message } = thrown as Error;
  const named = message.startsWith(`${argument}:`) || message.startsWith(`${argument}[`);
  if ((thrown as Error).constructor === type && named) return;
  throw new Error(`expected a ${type.name} about '${argument}', got ${(thrown as Error).name}: ${message}`, {
    cause: thrown,
  });
}
