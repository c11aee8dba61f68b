// Opens a heap snapshot in DevTools of a headless Chromium, selects the first object of a type, and takes a picture:
//
//   npm ci --ignore-scripts && node picture.mjs FILE.heapsnapshot TYPE PICTURE.png
//
// Needs Chromium (Debian's package chromium). DevTools inspects an empty page, and loads the file as `Load profile` would.
import { basename } from 'node:path';
import { chromium } from 'playwright-core';

const [file, type, picture] = process.argv.slice(2);
if (!picture) {
  console.error('expected FILE.heapsnapshot TYPE PICTURE.png');
  process.exit(2);
}
const port = 20000 + (process.pid % 20000);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--remote-debugging-port=${port}`,
    '--remote-allow-origins=*',
  ],
});
try {
  const inspected = await browser.newPage();
  await inspected.goto('data:text/html,inspected');
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const { id } = targets.find((target) => target.url.startsWith('data:'));

  const devtools = await browser.newPage({ viewport: { width: 1180, height: 560 } });
  devtools.setDefaultTimeout(30_000);
  const socket = `127.0.0.1:${port}/devtools/page/${id}`;
  await devtools.goto(`devtools://devtools/bundled/devtools_app.html?ws=${socket}&panel=heap-profiler`);
  const item = (name) => devtools.locator('[role=treeitem]', { hasText: name }).first();
  await item('Profiles').waitFor();
  await devtools.locator('input[type=file]').first().setInputFiles(file);
  // It has its size once it is loaded; a click before that selects nothing.
  await item(/\(.*B\)/).waitFor();
  await devtools.waitForTimeout(2000);
  await item(new RegExp(`^${basename(file, '.heapsnapshot')}\\s*\\(`)).click();

  // The row of the type, then its first object, whose retainers are shown below.
  const row = devtools.locator('tr', { hasText: type }).first();
  await row.waitFor();
  console.log((await row.innerText()).replace(/\s+/g, ' '));
  await row.click();
  for (const key of ['ArrowRight', 'ArrowDown']) {
    await devtools.keyboard.press(key);
    await devtools.waitForTimeout(1500);
  }
  await devtools.screenshot({ path: picture });
} finally {
  await browser.close();
}
