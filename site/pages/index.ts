/** All pages. Adding one is one file and one line here. */
import { citePage } from './cite.ts';
import { coursePages } from './course.ts';
import { exercisesPage } from './exercises.ts';
import { explorerPage } from './explorer.ts';
import { layerPages } from './layer.ts';
import { opPages } from './op.ts';
import { overviewPage } from './overview.ts';
import type { Page } from './page.ts';
import { patternsPage } from './patterns.ts';
import { playgroundPage } from './playground.ts';
import { reproducedPage } from './reproduced.ts';
import { surveyPage } from './survey.ts';
import { variantPages } from './variant.ts';

export async function allPages(): Promise<Page[]> {
  return [
    await overviewPage(),
    await exercisesPage(),
    explorerPage(),
    patternsPage(),
    playgroundPage(),
    surveyPage(),
    await reproducedPage(),
    citePage(),
    ...(await coursePages()),
    ...(await variantPages()),
    ...(await layerPages()),
    ...(await opPages()),
  ];
}
