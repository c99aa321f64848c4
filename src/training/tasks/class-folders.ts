/**
 * Texts in a folder for each class, laid out as the film reviews of Maas et al. 2011, which the Arena reads (Tay et al. 2021,
 * §2.2.2):
 *
 *     FOLDER/train/neg/*.txt    FOLDER/train/pos/*.txt    FOLDER/test/neg/*.txt    FOLDER/test/pos/*.txt
 *
 * The folders of `test` are the classes. `train` has them too; what else it has, as texts without a class, is not read.
 */
import { readdirSync } from '#platform/fs';
import { join } from '#platform/path';
import { ArgumentError, FileFormatError } from '../../core/errors.ts';
import { isFolder, reading } from '../../core/files/system-error.ts';
import { readTextBeginning } from '../../core/files/text.ts';
import type { Random } from '../../core/random.ts';
import type { Example, Part } from './task.ts';

const LAYOUT = 'FOLDER/train/CLASS/*.txt and FOLDER/test/CLASS/*.txt';
const PARTS: Readonly<Record<Part, string>> = { training: 'train', 'held-out': 'test' };
/** A folder is listed as a whole; the film reviews are 25,000 in each part. */
const MOST_TEXTS = 2 ** 20;
const MOST_CLASSES = 1000;
/** Texts are held in memory, as those of language models are. */
const MOST_BYTES = 2 ** 30;

export interface ClassFolders {
  /** In the order of their numbers, which is that of their code units. */
  classes: readonly string[];
  /** A text of this part, all of them alike likely, and the number of its class. */
  draw(part: Part, random: Random): Example;
}

/**
 * Reads the first `length` bytes of every text, less what would be half a character. Throws FileFormatError for a folder that is
 * laid out otherwise, has fewer than two classes or none of the texts of one, and for a text that is empty or no UTF-8; ArgumentError
 * if they are too many bytes to hold.
 */
export function readClassFolders(folder: string, length: number): ClassFolders {
  const fail = (path: string, problem: string) =>
    new FileFormatError(`${path}: ${problem}, where a folder of classes has ${LAYOUT}`);
  for (const path of [folder, ...Object.values(PARTS).map((part) => join(folder, part))]) {
    if (!isFolder(path)) throw fail(path, 'expected a folder');
  }
  const classes = sortedNames(join(folder, PARTS['held-out'])).filter((name) =>
    isFolder(join(folder, PARTS['held-out'], name)),
  );
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    throw fail(
      join(folder, PARTS['held-out']),
      `expected folders of 2 to ${MOST_CLASSES} classes, got ${classes.length}`,
    );
  }
  // Their names first, so that a mistake is found before thousands of files are read.
  const found = (part: Part) =>
    classes.map((name) => {
      const own = join(folder, PARTS[part], name);
      if (!isFolder(own)) throw fail(own, `expected a folder, as ${PARTS['held-out']} has this class`);
      const texts = sortedNames(own).filter((text) => text.endsWith('.txt'));
      if (texts.length === 0 || texts.length > MOST_TEXTS) {
        throw fail(own, `expected 1 to ${MOST_TEXTS} texts (*.txt), got ${texts.length}`);
      }
      return texts.map((text) => join(own, text));
    });
  const paths = { training: found('training'), 'held-out': found('held-out') };
  let held = 0;
  const read = (part: Part) =>
    paths[part].flatMap((texts, target) =>
      texts.map((path) => {
        const tokens = new TextEncoder().encode(readTextBeginning(path, length).text);
        if (tokens.length === 0)
          throw new FileFormatError(`${path}: expected a text, got none in its first ${length} bytes`);
        held += tokens.length;
        if (held > MOST_BYTES) {
          throw new ArgumentError(
            `length: expected texts of ${MOST_BYTES} bytes at most together, got more in ${folder}`,
          );
        }
        return { tokens, targets: [target] };
      }),
    );
  const examples = { training: read('training'), 'held-out': read('held-out') };
  return { classes, draw: (part, random) => examples[part][random.integer(examples[part].length)] };
}

/** As every file system has them in the end: in the order of code units. */
function sortedNames(folder: string): string[] {
  return reading(folder, () => readdirSync(folder)).sort();
}
