/** One instruction to stop is heard, however often it is passed on; before and after that, signals do what they always do. */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Stop } from '../../src/terminal/stop.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal));

for (const signal of SIGNALS) {
  test(`${signal}: asked once, with the exit code of a shell`, () => {
    const before = listeners();
    const stop = new Stop();
    assert.equal(listeners(), before);
    const heard: string[] = [];
    stop.listen((each) => heard.push(each));
    stop.listen((each) => heard.push(each));
    assert.equal([stop.asked(), stop.signalled()], [false, null]);
    // As a terminal and npm pass it on, one right after the other.
    for (const each of [signal, signal, ...SIGNALS]) process.emit(each);
    assert.equal([stop.asked(), stop.signalled(), heard], [true, signal, [signal]]);
    assert.is(stop.exitCode(), 128 + constants.signals[signal]);
    stop.end();
    assert.equal(listeners(), before);
    stop.listen();
    assert.equal(listeners(), before);
  });
}

test('what has not begun to listen leaves signals alone', () => {
  const before = listeners();
  const stop = new Stop();
  stop.end();
  assert.equal([stop.asked(), listeners()], [false, before]);
});

if (process.platform !== 'win32') {
  test('a second signal that comes while the thread is busy is not lost where listening ends', () => {
    const script = `
      import { Stop } from ${JSON.stringify(new URL('../../src/terminal/stop.ts', import.meta.url).href)};
      const stop = new Stop();
      stop.listen(() => console.log('heard'));
      process.kill(process.pid, 'SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(process.pid, 'SIGTERM');
      for (const end = performance.now() + 50; performance.now() < end; );
      stop.endSoon();
      await new Promise((resolve) => setImmediate(resolve));
      console.log('went on');
    `;
    const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { signal, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    assert.equal([signal, stdout], ['SIGTERM', 'heard\n']);
  });
}

test.run();
