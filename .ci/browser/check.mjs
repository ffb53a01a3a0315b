// Opens reports in headless Chromium, wide and narrow, light and dark, and prints them; ends non-zero if a reader could not
// read something.
//
//   node check.mjs [--shots DIR] PAGE.html...

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { contrasts, figures, overflow } from './inspect.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// What is left of an A4 page inside the margins of the print style [px].
const PAPER = { width: 695, height: 1016 };
const VIEWS = [1280, 390].flatMap((width) => ['light', 'dark'].map((colorScheme) => ({ width, colorScheme })));

function browserPath() {
  for (const name of [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']) {
    try {
      if (name) return execFileSync('sh', ['-c', `command -v "${name}"`], { encoding: 'utf8' }).trim();
    } catch { /* the next one */ }
  }
  throw new Error('no Chromium: install it, or name its program in CHROMIUM');
}

// Opens a page; what it asks of the network, or complains about, is a problem.
async function open(browser, file, options, problems) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(path.resolve(file)).href;
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) problems.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { context, page };
}

async function onScreen(browser, file, { width, colorScheme }, shots) {
  const problems = [];
  const { context, page } = await open(browser, file, { viewport: { width, height: 900 }, colorScheme }, problems);
  problems.push(...await page.evaluate(overflow), ...await page.evaluate(figures), ...await page.evaluate(contrasts));
  await page.keyboard.press('Tab');
  const first = await page.evaluate(() => document.activeElement?.getAttribute('href'));
  if (first !== '#content') problems.push(`the first thing a keyboard reaches is ${first}, not the link to the content`);
  await page.evaluate(() => document.activeElement?.blur());
  // The page's own policy forbids scripts, so axe is handed over, not linked.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, impact, help, nodes } of violations) {
    const where = nodes.slice(0, 3).map((node) => node.target.join(' ')).join(', ');
    if (impact === 'serious' || impact === 'critical') problems.push(`axe ${id} (${impact}): ${help}: ${where}`);
  }
  if (shots) {
    const name = `${path.basename(path.dirname(path.resolve(file)))}-${path.basename(file, '.html')}-${width}-${colorScheme}.png`;
    await page.screenshot({ path: path.join(shots, name), fullPage: true });
  }
  await context.close();
  return problems;
}

// On paper nothing scrolls: what is wider than the paper, or a figure higher than it, is clipped.
async function onPaper(browser, file, shots) {
  const problems = [];
  const { context, page } = await open(browser, file, { viewport: PAPER, colorScheme: 'light' }, problems);
  await page.emulateMedia({ media: 'print' });
  problems.push(...await page.evaluate(overflow), ...await page.evaluate(figures));
  problems.push(...await page.evaluate((height) => [...document.querySelectorAll('figure')]
    .filter((figure) => figure.getBoundingClientRect().height > height)
    .map((figure) => `higher than a page: ${figure.querySelector('figcaption').textContent}`), PAPER.height));
  problems.push(...await page.evaluate(() => [...document.querySelectorAll('.scroll')]
    .filter((region) => region.firstElementChild.getBoundingClientRect().right > innerWidth + 1)
    .map((region) => `wider than a page: table ${region.querySelector('caption').textContent}`)));
  const name = `${path.basename(path.dirname(path.resolve(file)))}-${path.basename(file, '.html')}.pdf`;
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true, path: shots && path.join(shots, name) });
  if (pdf.length < 10_000) problems.push(`a PDF of ${pdf.length} bytes`);
  await context.close();
  return problems;
}

const args = process.argv.slice(2);
const shots = args[0] === '--shots' ? args.splice(0, 2)[1] : undefined;
if (args.length === 0) throw new Error('usage: node check.mjs [--shots DIR] PAGE.html...');
if (shots) mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: browserPath(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let passed = 0;
let failed = 0;
const report = (view, problems) => {
  problems.length ? failed++ : passed++;
  console.log(`${problems.length ? 'FAILED' : 'ok    '} ${view}`);
  for (const problem of new Set(problems)) console.log(`       ${problem}`);
};
for (const file of args) {
  for (const view of VIEWS) report(`${file} ${view.width} px, ${view.colorScheme}`, await onScreen(browser, file, view, shots));
  report(`${file} on paper`, await onPaper(browser, file, shots));
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
