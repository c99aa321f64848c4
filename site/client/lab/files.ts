/** Files of the reader's own, chosen or dropped, given to the engine as they are. */
import { place } from '../elements.ts';

export interface OwnFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** `onFiles` gets them in the order in which the library takes three: queries, keys, values. */
export function listenForFiles(lab: HTMLElement, onFiles: (files: OwnFile[]) => void): void {
  const field = place(lab, '#lab-file', HTMLInputElement);
  const zone = place(lab, '[data-drop]', HTMLElement);
  const take = async (list: FileList): Promise<void> => {
    const files = await Promise.all(
      [...list].map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    if (files.length > 0) onFiles(inOrder(files));
  };
  field.addEventListener('change', () => field.files && void take(field.files));
  zone.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer !== null) void take(event.dataTransfer.files);
  });
}

/** Dialogs give files in an order of their own. */
export function inOrder<File extends { name: string }>(files: readonly File[]): File[] {
  const parts = [/quer|\bq\b|_q\b|^q/i, /key|\bk\b|_k\b|^k/i, /val|\bv\b|_v\b|^v/i];
  const found = parts.map((part) => files.filter(({ name }) => part.test(name.replace(/\.npy$/i, ''))));
  if (files.length !== 3 || found.some((own) => own.length !== 1)) return [...files];
  const ordered = found.flat();
  return new Set(ordered).size === 3 ? ordered : [...files];
}
