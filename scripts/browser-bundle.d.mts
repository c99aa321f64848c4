import type { BuildOptions } from 'esbuild';

export function bundleForPages(entry: string, options: BuildOptions): Promise<{ text: string; inputs: string[] }>;
