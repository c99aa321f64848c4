import { allVariants } from '../../src/variants/registry.ts';
import { blocksOf } from './comment.ts';
import { attendLines, filesOf } from './files.ts';
import { textOf } from './segments.ts';

for (const { name } of allVariants()) {
  const f = await filesOf(name);
  console.log(name, f.map((x) => x.name).join(' '));
  const a = attendLines(f[0]);
  console.log(a.map((l) => textOf(f[0], l)).join('~~~~\n'));
  if (name === 'performer')
    console.log(
      JSON.stringify(
        f.map((x) => x.segments.map((s) => blocksOf(textOf(x, s.comment)))),
        null,
        1,
      ).slice(0, 9000),
      JSON.stringify(f[0].tokens.slice(100, 110)),
    );
}
