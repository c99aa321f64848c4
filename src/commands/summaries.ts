/** The commands, in the order of the program's `--help`, and what each does. In its own file, so that it loads no command. */

export const summaries = {
  compare: 'Measure error, time and memory of each variant against full attention on the same input.',
  patterns: 'Draw which tokens attend to which, each variant next to full attention.',
  train: 'Train a model with any attention on a task whose examples are generated from a seed.',
  generate: 'Continue a text with a trained model, token by token.',
  eval: 'Measure loss and accuracy of a trained model on examples that it has not seen.',
  export: 'Export a trained model to PyTorch, for training on more than one machine.',
  import: 'Make a checkpoint from an exported model that was then trained in PyTorch.',
  reproduce: 'Repeat tables and figures of papers, and say which claims hold here.',
  convert: 'Give a trained model another attention, and train it until it does what it did.',
  variants: 'List the variants of attention, or the options of one.',
  doctor: 'Show what this machine offers, and check that the library works on it.',
} as const;

export type CommandName = keyof typeof summaries;

export const commandNames = Object.keys(summaries) as CommandName[];
