/** A deep copy that cannot be written to: what the learner's function gets. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Array.isArray(value)
    ? value.map(frozen)
    : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, frozen(each)]));
  return Object.freeze(copy) as T;
}
