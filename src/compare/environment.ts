/** The machine and the software, as every report states them. */
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { kernelSet } from '../core/kernels/simd.ts';
import { threadCount } from '../core/parallel/pool.ts';
import type { Environment } from './result.ts';

/** The same relative path from src/ and from dist/. */
const manifest = new URL('../../package.json', import.meta.url);

export function packageVersion(): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

export function describeEnvironment(): Environment {
  return {
    version: packageVersion(),
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: threadCount(),
    kernels: kernelSet(),
    date: new Date().toISOString(),
  };
}
