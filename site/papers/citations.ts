/** Finds what a source file cites of its paper: `(eqs. 5, 12)`, `§3.1`, `Theorems 1 and 2`, `appendix B.3`, `“SortCut”`. */

export interface Citation {
  /** Where it stands in the text. */
  start: number;
  end: number;
  /** As the notes label it: `eq. 5`, `§3.1`, `Theorem 1`, `Appendix B.3`, `Figure 1`, `“SortCut”`; each of a list or range. */
  labels: readonly string[];
}

const NUMBER = String.raw`(?:\d+|[A-Z]\b)(?:\.\d+)*`;
const SEVERAL = String.raw`${NUMBER}(?:(?:,\s+and\s+|,\s+|\s+and\s+|\s*–\s*)${NUMBER})*`;

/** Only a plural is followed by a list: in `§5.1, and 256 stays`, 256 is no section. */
const KINDS: readonly { one: string; many: string; label: (number: string) => string }[] = [
  { one: String.raw`[Ee]q\.`, many: String.raw`[Ee]qs\.`, label: (number) => `eq. ${number}` },
  { one: '§', many: '§§', label: (number) => `§${number}` },
  { one: '[Aa]ppendix', many: '[Aa]ppendices', label: (number) => `Appendix ${number}` },
  { one: '[Tt]heorem', many: '[Tt]heorems', label: (number) => `Theorem ${number}` },
  { one: '[Ll]emma', many: '[Ll]emmas', label: (number) => `Lemma ${number}` },
  { one: '[Aa]lgorithm', many: '[Aa]lgorithms', label: (number) => `Algorithm ${number}` },
  { one: '[Tt]able', many: '[Tt]ables', label: (number) => `Table ${number}` },
  { one: String.raw`[Ff]ig(?:ure|\.)`, many: String.raw`[Ff]ig(?:ures|s\.)`, label: (number) => `Figure ${number}` },
];

/** All citations of a numbered part of a paper in a text, or of a section by its name, in order. */
export function citations(text: string): Citation[] {
  const found = KINDS.flatMap(({ one, many, label }) => {
    const pattern = new RegExp(String.raw`(?<![\w§])(?:${one}\s*(${NUMBER})|${many}\s*(${SEVERAL}))`, 'g');
    return Array.from(text.matchAll(pattern), (match) => ({
      start: match.index,
      end: match.index + match[0].length,
      labels: numbersOf(match[1] ?? match[2]).map(label),
    }));
  });
  const named = Array.from(text.matchAll(/“[^”]+”/g), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
    labels: [match[0].replaceAll(/\s+/g, ' ')],
  }));
  return [...found, ...named].sort((a, b) => a.start - b.start);
}

/** `5, 12` → 5, 12; `13–15` → 13, 14, 15. */
function numbersOf(list: string): string[] {
  return list.split(/,\s+and\s+|,\s+|\s+and\s+/).flatMap((part) => {
    const [first, last] = part.split(/\s*–\s*/);
    if (last === undefined) return [first];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, n) => String(Number(first) + n));
  });
}
