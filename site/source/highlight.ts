/**
 * Colours code when the site is built. A token gets a class, and style/colours.ts has the colours of each class for
 * light and for dark, so that a page holds one copy of its code and follows its reader's choice without a script.
 */
import { createHighlighterCore, type HighlighterCore, type ThemeRegistration } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import typescript from 'shiki/langs/typescript.mjs';

export interface Token {
  text: string;
  /** Null for what has the colour of the text around it. */
  kind: TokenKind | null;
}

/** What is told apart, by the scopes of the grammar; the later one wins where two fit equally well. */
const SCOPES = {
  comment: ['comment', 'punctuation.definition.comment'],
  keyword: ['keyword', 'storage', 'constant.language', 'keyword.operator.new', 'variable.language'],
  operator: ['keyword.operator', 'storage.type.function.arrow', 'punctuation', 'meta.brace'],
  string: ['string', 'punctuation.definition.string'],
  number: ['constant.numeric'],
  type: ['entity.name.type', 'support.type', 'support.class', 'entity.other.inherited-class'],
  function: ['entity.name.function', 'support.function'],
  property: ['meta.object-literal.key', 'variable.object.property', 'meta.definition.property'],
} as const;

export type TokenKind = keyof typeof SCOPES;
export const TOKEN_KINDS = Object.keys(SCOPES) as TokenKind[];

/** Stands for a kind as a colour, which is all that a theme can say: `#000001` is the first. */
const colourOf = (kind: TokenKind) => `#${(TOKEN_KINDS.indexOf(kind) + 1).toString(16).padStart(6, '0')}`;
const kindOf = (colour: string | undefined): TokenKind | null =>
  TOKEN_KINDS[Number.parseInt((colour ?? '').slice(1), 16) - 1] ?? null;

const theme: ThemeRegistration = {
  name: 'kinds',
  type: 'light',
  fg: '#ffffff',
  bg: '#ffffff',
  settings: TOKEN_KINDS.map((kind) => ({ scope: [...SCOPES[kind]], settings: { foreground: colourOf(kind) } })),
};

let highlighter: Promise<HighlighterCore> | undefined;

/** The tokens of each line of a TypeScript file, without ends of lines. The whole file at once: a line alone may lie. */
export async function highlight(text: string): Promise<Token[][]> {
  highlighter ??= createHighlighterCore({
    themes: [theme],
    langs: [typescript],
    engine: createJavaScriptRegexEngine(),
  });
  const { tokens } = (await highlighter).codeToTokens(text, { lang: 'typescript', theme: 'kinds' });
  return tokens.map((line) => line.map(({ content, color }) => ({ text: content, kind: kindOf(color) })));
}
