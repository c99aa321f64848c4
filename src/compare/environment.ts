/** The machine and the software, which every report states. */
import { arch, cpus, platform, release } from '#platform/os';
import process from '#platform/process';
import { kernelBuild } from '../core/kernels/simd.ts';
import { threadCount } from '../core/parallel/pool.ts';
import { packageVersion } from './package-version.ts';
import type { Environment } from './result.ts';

export function describeEnvironment(): Environment {
  return {
    version: packageVersion(),
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: threadCount(),
    kernels: kernelBuild(),
    date: new Date().toISOString(),
  };
}
