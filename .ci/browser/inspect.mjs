// What is looked at inside a page. Each function is sent to the browser as it stands, and answers with problems in words.

// Nothing but regions made for it may be wider than the screen.
export function overflow() {
  const wide = document.documentElement.scrollWidth;
  return wide > innerWidth ? [`the page is ${wide} px wide on a screen of ${innerWidth}`] : [];
}

// Every figure has a size and lies within the screen; its text is large enough, inside the picture, and not on other text.
export function figures() {
  const LEAST_TEXT = 9;
  const problems = [];
  const all = [...document.querySelectorAll('figure')];
  if (all.length === 0) problems.push('no figure');
  for (const figure of all) {
    const name = figure.querySelector('figcaption')?.textContent ?? 'a figure without a caption';
    const svg = figure.querySelector('svg');
    const box = svg?.getBoundingClientRect();
    if (!box || box.width < 100 || box.height < 60) { problems.push(`${name}: not visible`); continue; }
    if (box.left < 0 || box.right > innerWidth + 0.5) problems.push(`${name}: outside the screen`);
    if (!svg.querySelector('title')?.textContent || !svg.querySelector('desc')?.textContent) problems.push(`${name}: no words for those who cannot see it`);
    const texts = [...svg.querySelectorAll('text')].map((text) => ({ words: text.textContent, box: text.getBoundingClientRect(), size: parseFloat(getComputedStyle(text).fontSize) * box.width / svg.viewBox.baseVal.width }));
    for (const [index, one] of texts.entries()) {
      if (one.size < LEAST_TEXT) problems.push(`${name}: text of ${one.size.toFixed(1)} px: ${one.words}`);
      if (one.box.left < box.left - 2 || one.box.right > box.right + 2 || one.box.bottom > box.bottom + 2) problems.push(`${name}: text leaves the picture: ${one.words}`);
      for (const other of texts.slice(index + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        // A line of text is higher than its letters.
        const along = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (across > 1 && along > one.box.height * 0.35) problems.push(`${name}: "${one.words}" lies on "${other.words}"`);
      }
    }
  }
  return problems;
}

// Text against what is behind it: at least 4.5 to 1 (WCAG 1.4.3).
export function contrasts() {
  const LEAST = 4.5;
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const problems = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest('title, desc, style')) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(channels(element.closest('svg') ? style.fill : style.color)), light(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < LEAST) problems.push(`contrast of ${contrast.toFixed(1)}: ${element.textContent.trim().slice(0, 60)}`);
  }
  return problems;
}
