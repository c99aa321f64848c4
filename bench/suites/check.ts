/** What is refused before anything is measured. */
import { ArgumentError } from '../../src/core/errors.ts';
import { expectPython } from './peers/python.ts';
import type { Suite, SuiteSettings } from './suite.ts';

/** Throws ArgumentError for options that none of the suites reads, and for what they cannot read. */
export function checkAll(suites: readonly Suite[], settings: SuiteSettings): void {
  for (const option of ['venv', 'before'] as const) {
    if (settings[option] === undefined || suites.some(({ reads }) => reads === option)) continue;
    const named = suites.map(({ name }) => name).join(', ');
    throw new ArgumentError(`--${option}: ${suites.length > 1 ? `suites ${named} take` : `suite ${named} takes`} none`);
  }
  for (const suite of suites) suite.check?.(settings);
  if (settings.venv !== undefined) expectPython(settings.venv);
}
