/** The running prose of the Jargon File, which the byte model of fixtures was trained on. */

/** Shorter paragraphs are headwords, headings and entries of lists. */
const LEAST_CHARACTERS = 100;

/** Paragraphs of ASCII, each a line, with an empty line between them; without the braces of cross-references. */
export function proseOf(jargonFile: string): string {
  const paragraphs = jargonFile
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .trim()
        .replace(/\s+/g, ' ')
        .replace(/[“”]/g, '"')
        .replace(/[‘’]/g, "'")
        .replace(/[—–]/g, '-')
        .replace(/[{}]/g, ''),
    );
  const isProse = (paragraph: string) => paragraph.length >= LEAST_CHARACTERS && /^[ -~]+$/.test(paragraph);
  return `${paragraphs.filter(isProse).join('\n\n')}\n`;
}
