/** The editor, in a script of its own that is loaded when somebody begins to write. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { type Extension, Prec } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

export interface Editor {
  text(): string;
  setText(text: string): void;
  /** Moves the cursor there, from 1, and takes the focus. */
  goTo(line: number, column: number | null): void;
}

export interface EditorSettings {
  readonly text: string;
  readonly label: string;
  /** Where the cursor was in the field that this replaces. */
  readonly selection: readonly [from: number, to: number];
  onChange(text: string): void;
  onRun(): void;
}

/** The site's colours, which follow light and dark by themselves. */
const COLOURS = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.comment, color: 'var(--t-comment)' },
    { tag: [tags.keyword, tags.bool, tags.null], color: 'var(--t-keyword)' },
    { tag: [tags.operator, tags.punctuation], color: 'var(--t-operator)' },
    { tag: tags.string, color: 'var(--t-string)' },
    { tag: tags.number, color: 'var(--t-number)' },
    { tag: tags.typeName, color: 'var(--t-type)' },
    { tag: tags.function(tags.variableName), color: 'var(--t-function)' },
  ]),
);

function create(parent: HTMLElement, { text, label, selection, onChange, onRun }: EditorSettings): Editor {
  const run = () => {
    onRun();
    return true;
  };
  const extensions: Extension[] = [
    Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
    keymap.of([...defaultKeymap, ...historyKeymap]),
    history(),
    lineNumbers(),
    bracketMatching(),
    // Nothing to scroll sideways, which a phone would need a finger for and a keyboard a stop.
    EditorView.lineWrapping,
    javascript({ typescript: true }),
    indentUnit.of('  '),
    COLOURS,
    // Tab is left alone: it goes to the next control. Ctrl-] and Ctrl-[ move a line in and out.
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
    }),
  ];
  const [anchor, head] = selection.map((place) => Math.min(place, text.length));
  const view = new EditorView({ doc: text, parent, selection: { anchor, head }, extensions });
  view.focus();
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    goTo(line, column) {
      const { from, to } = view.state.doc.line(Math.min(line, view.state.doc.lines));
      const place = column === null ? to : Math.min(from + column - 1, to);
      view.dispatch({ selection: { anchor: place }, scrollIntoView: true });
      view.focus();
    },
  };
}

(globalThis as { siteEditor?: { create: typeof create } }).siteEditor = { create };
