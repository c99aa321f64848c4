/** A small tokeniser as a checkpoint's folder has it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wordPiece as json } from '../../scripts/fuzz/tokenizers.ts';

export { json };

/** Numbers of its tokens. */
export const [PAD, CLS, SEP, ONE, TWO, THREE, S] = [1, 2, 3, 4, 5, 6, 7];

/** By the names of the files. */
export const FILES = { 'tokenizer.json': json, 'tokenizer_config.json': { pad_token: '[PAD]' } };

export function writeTokenizer(folder: string): void {
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), JSON.stringify(content));
}
