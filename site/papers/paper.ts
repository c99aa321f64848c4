/** What a variant's page says beside its source: the paper's equations, typeset, and why the variant costs what it does. */

/** Prose is plain text in which `$…$` is TeX and backquotes are code. */
export type Prose = string;

export interface Equation {
  /** As the source cites it: `eq. 5`, `§3.1`, `Lemma 1`, `Appendix B`, or a section by its name, `“SortCut”`. */
  label: string;
  /** The paper's equation, or the defining one of a section; display style. */
  tex: string;
  /** What it says, in a sentence of ours. */
  says: Prose;
}

export interface PaperSymbol {
  tex: string;
  /** The option that holds it; null for sizes of the input. */
  option: string | null;
  means: Prose;
}

export interface PaperNotes {
  /** Of the variant, as registered. */
  variant: string;
  /** What the paper calls it: the title of its page. */
  title: string;
  /** One sentence that a newcomer understands. */
  idea: Prose;
  symbols: readonly PaperSymbol[];
  /** Every numbered equation, theorem and section that the source files of the variant cite, in the paper's order. */
  equations: readonly Equation[];
  /** Why it costs what it does: a count, step by step, that ends in the stated complexity. */
  cost: { steps: readonly { tex: string; says: Prose }[] };
  givesUp: Prose;
  /** For whom it is a good choice, and for whom not; claims only what the paper or our measurements show. */
  goodFor: Prose;
  badFor: Prose;
}
