/**
 * Lets a reader explore the figures that say what their points are (`Panel.hover`): pointing at a curve, or tapping it,
 * tells the exact values of its nearest point; a focused figure is walked through with the arrow keys (left and right along
 * a curve, up and down to the next one); a press on an entry of the legend hides and shows its curve. Needs nothing from
 * outside, and without it the page reads the same.
 */
export const EXPLORE_SCRIPT = `
for (const figure of document.querySelectorAll('figure')) {
  const panels = [...figure.querySelectorAll('.panel[data-hover]')];
  if (panels.length === 0) continue;
  const hidden = new Set();
  const leavers = [];
  const leave = () => leavers.forEach((one) => one());
  for (const item of figure.querySelectorAll('.legend [data-series]')) {
    const { series } = item.dataset;
    const button = document.createElement('button');
    button.type = 'button';
    button.title = 'Hide or show';
    button.setAttribute('aria-pressed', 'true');
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener('click', () => {
      const shown = hidden.delete(series);
      if (!shown) hidden.add(series);
      button.setAttribute('aria-pressed', String(shown));
      for (const mark of figure.querySelectorAll('.series-' + series)) mark.style.display = shown ? '' : 'none';
      leave();
    });
  }
  const number = (value) => {
    const text = Math.abs(value) >= 1000 ? value.toLocaleString('en-GB') : String(Number(value.toPrecision(4)));
    return text.replace('-', '\\u2212');
  };
  const scale = (text) => {
    const [type, ...figures] = text.split(' ');
    const [from, to, first, last] = figures.map(Number);
    const bend = type === 'log' ? Math.log : (value) => value;
    return (value) => first + ((bend(value) - bend(from)) / (bend(to) - bend(from))) * (last - first);
  };
  for (const panel of panels) {
    const hover = JSON.parse(panel.dataset.hover);
    const readout = document.createElement('div');
    readout.className = 'readout';
    readout.setAttribute('role', 'status');
    panel.append(readout);
    for (const svg of panel.querySelectorAll('svg[data-x]')) {
      const [atX, atY] = [scale(svg.dataset.x), scale(svg.dataset.y)];
      const points = hover.series.flatMap((own, s) =>
        own.points.map((point, i) => ({ own, s, i, point, left: atX(point[0]), top: atY(point[1]) })),
      );
      const ring = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
      ring.setAttribute('class', 'ring');
      ring.setAttribute('r', '6');
      let current = null;
      const shown = () => points.filter(({ own }) => !hidden.has(own.series));
      const hide = () => {
        current = null;
        ring.remove();
        readout.textContent = '';
        readout.style.display = 'none';
      };
      leavers.push(hide);
      const show = (at) => {
        if (at === current) return;
        leave();
        current = at;
        const { own, point, left, top } = at;
        const [x, y, low, high] = point;
        const lines = own.texts
          ? [own.texts[at.i]]
          : [hover.x + ' ' + number(x), hover.y + ' ' + number(y) + (low === undefined ? '' : ' (' + number(low) + ' to ' + number(high) + ')')];
        const name = document.createElement('b');
        name.textContent = own.label;
        readout.append(name, ...lines.map((line) => Object.assign(document.createElement('span'), { textContent: line })));
        ring.setAttribute('cx', left);
        ring.setAttribute('cy', top);
        svg.append(ring);
        readout.style.display = 'block';
        const [box, frame] = [svg.getBoundingClientRect(), panel.getBoundingClientRect()];
        const zoom = box.width / svg.viewBox.baseVal.width;
        const over = left * zoom + box.left - frame.left;
        const place = Math.min(Math.max(0, over - readout.offsetWidth / 2), frame.width - readout.offsetWidth);
        const above = top * zoom + box.top - frame.top - readout.offsetHeight - 12;
        readout.style.left = Math.max(0, place) + 'px';
        readout.style.top = (above < 0 ? top * zoom + box.top - frame.top + 14 : above) + 'px';
      };
      const point = (event) => {
        const box = svg.getBoundingClientRect();
        const zoom = box.width / svg.viewBox.baseVal.width;
        const [left, top] = [(event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom];
        let [best, least] = [null, 30];
        for (const at of shown()) {
          const distance = Math.hypot(at.left - left, at.top - top);
          if (distance < least) [best, least] = [at, distance];
        }
        if (best) show(best);
        else hide();
      };
      svg.addEventListener('pointermove', point);
      svg.addEventListener('pointerdown', point);
      svg.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && hide());
      svg.addEventListener('blur', hide);
      svg.tabIndex = 0;
      svg.addEventListener('keydown', (event) => {
        const all = shown();
        if (all.length === 0) return;
        const go = (at) => {
          event.preventDefault();
          if (at) show(at);
        };
        const start = current ?? all[0];
        const along = all.filter(({ s }) => s === start.s);
        const place = along.indexOf(start);
        const others = [...new Set(all.map(({ s }) => s))];
        const next = (step) => {
          const s = others[(others.indexOf(start.s) + step + others.length) % others.length];
          return all
            .filter((at) => at.s === s)
            .reduce((a, b) => (Math.abs(b.left - start.left) < Math.abs(a.left - start.left) ? b : a));
        };
        if (event.key === 'Escape') return hide();
        if (!current && event.key.startsWith('Arrow')) return go(start);
        if (event.key === 'ArrowRight') go(along[place + 1]);
        if (event.key === 'ArrowLeft') go(along[place - 1]);
        if (event.key === 'ArrowDown') go(next(1));
        if (event.key === 'ArrowUp') go(next(-1));
        if (event.key === 'Home') go(along[0]);
        if (event.key === 'End') go(along.at(-1));
      });
    }
  }
}
`;

/** Added where a page has such a figure. */
export const EXPLORE_STYLE = `
.panel{position:relative}
.legend button{all:unset;cursor:pointer;font:inherit}
.legend button:hover{text-decoration:underline;text-decoration-color:var(--rule);text-underline-offset:.22em}
.legend button:focus-visible,svg[data-x]:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
svg[data-x]:focus{outline-offset:2px}svg[data-x]:focus:not(:focus-visible){outline:none}
.legend button[aria-pressed=false]{opacity:.45;text-decoration:line-through}
.ring{fill:none;stroke:var(--ink);stroke-width:1.6;pointer-events:none}
.readout{display:none;position:absolute;z-index:3;max-width:20rem;padding:.35rem .6rem;background:var(--paper);color:var(--ink);border:1px solid var(--rule);border-radius:4px;box-shadow:0 3px 12px rgb(0 0 0/.16);font:.76rem/1.45 var(--sans);font-variant-numeric:tabular-nums;pointer-events:none}
.readout b,.readout span{display:block}.readout b{font-weight:600}
@media print{.readout,.ring{display:none!important}}
`;
