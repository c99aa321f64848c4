/** Other libraries compared with ours: attention, products and training steps. */
import { type Absence, hold } from './peers/contest.ts';
import { installNpmPeers } from './peers/install.ts';
import { tasks } from './peers/plan.ts';
import { NPM_PEERS } from './peers/process.ts';
import type { Suite } from './suite.ts';

export const peers: Suite = {
  name: 'peers',
  summary: 'attention, products and training steps compared with other libraries, one process each, in turns',
  reads: 'venv',
  async run(settings) {
    const notInstalled = await installNpmPeers(settings.tell);
    const absences: Absence[] =
      notInstalled === null ? [] : [{ who: 'npm peers', threads: 1, reason: notInstalled, isProblem: true }];
    const contest = { peers: [...NPM_PEERS, 'pytorch', 'transformers'], tasks: tasks(settings.quick) } as const;
    return hold(contest, absences, settings);
  },
};
