/**
 * Makes text from outside (files, their names, arguments) safe to show. A control character could move the cursor of a
 * terminal, change its colours or its title; a bidirectional override makes one text look like another. Each is shown as its
 * code instead: `\x1b`, `\u202e`.
 */

/** Controls (C0, C1, DEL), separators of lines, marks of direction, annotations, halves of characters, no characters. */
const UNSEEN =
  /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with every such character escaped, except those in `kept`. */
export function visible(text: string, kept = ''): string {
  return text.replace(UNSEEN, (character) => {
    if (kept.includes(character)) return character;
    return NAMED[character] ?? numbered(character.codePointAt(0) as number);
  });
}

/** Escapes them within JSON, where these characters can only be in texts. The value stays the same. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) => {
    if (character === '\n') return character;
    // A character beyond the first 65 536 is written as its two halves.
    return Array.from({ length: character.length }, (_, n) => hexadecimal(character.charCodeAt(n))).join('');
  });
}

function numbered(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? hexadecimal(code) : `\\u{${code.toString(16)}}`;
}

function hexadecimal(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
