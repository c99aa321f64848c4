/**
 * Fields for numbers. They are fields of text: of a number field a browser gives a script nothing at all when what was typed is
 * no number, and then no message can repeat it.
 */
import { type Html, html } from '../../src/compare/report/html.ts';

export interface NumberField {
  id: string;
  /** How a message calls it: as the library does, where the library has it too. */
  called: string;
  /** In the form; none where only its script reads it. */
  name?: string;
  kind: 'integer' | 'number';
  value: unknown;
  minimum: number;
  /** None: as much as a float64 counts. */
  maximum?: number | null;
  /** Of the arrow keys. */
  step?: number;
  describedBy?: string;
}

/** What client/number-field.ts reads. */
export function numberField(field: NumberField): Html {
  const { id, called, name, kind, value, minimum, maximum, step = 1, describedBy } = field;
  const named = name === undefined ? null : html` name="${name}"`;
  const most = maximum === undefined || maximum === null ? null : html` data-maximum="${maximum}"`;
  const described = describedBy === undefined ? null : html` aria-describedby="${describedBy}"`;
  return html`<input type="text" inputmode="${kind === 'integer' ? 'numeric' : 'decimal'}" id="${id}"${named}${described} data-number="${kind}" data-called="${called}" data-minimum="${minimum}"${most} data-step="${step}" value="${String(value)}" autocomplete="off">`;
}
