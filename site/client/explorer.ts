/** The explorer is a lab and nothing else. */
import { mountLab } from './lab/lab.ts';

for (const element of document.querySelectorAll<HTMLElement>('[data-lab]')) mountLab(element);
