/** What the suite asks of a process that has loaded one checkout, and the bodies that it measures. */

/** What is timed: a pass over a whole sequence, or a step of a generation after `position` tokens. */
export type Body =
  | { kind: 'forward' | 'with backward'; causal: boolean }
  | { kind: 'step'; causal: true; position: number };

/** Where the checkout is, and what its process measures. */
export interface Assignment {
  folder: string;
  threads: number;
  /** Null for a process that is only asked for the variants. */
  variant: string | null;
  /** Tokens of a pass. */
  length: number;
  /** The last position of a step that will be timed. */
  lastPosition: number;
}

export type Request =
  | { ask: 'variants' }
  /** Run so often that engines have compiled the body. */
  | { ask: 'warm up'; body: Body }
  /** The mean milliseconds of a run, over a turn of them. */
  | { ask: 'turn'; body: Body }
  /** The most bytes live at once beyond those before. */
  | { ask: 'peak'; body: Body };

export type Answer = { error: string } | { variants: string[] } | { number: number };

/** Turns that a body has at most in a process. */
export const MOST_TURNS = 12;

/** How a row of the table calls a body. */
export const nameOf = (body: Body): string => (body.kind === 'step' ? `step at ${body.position}` : body.kind);
