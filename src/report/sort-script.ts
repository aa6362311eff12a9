/**
 * Sorts a table by the column whose head is pressed; pressed again, the other way round. The page reads the same without
 * it. Numbers are taken from the front of a cell ('−0.012 [−0.1, 0.2]'), what has none sorts as text, empty cells last.
 */
export const SORT_SCRIPT = `
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const key = (row) => {
        const text = row.cells[column].textContent.trim();
        const figure = /^[<>≥≤]?\\s*([−+-]?[\\d,]*\\.?\\d+)/.exec(text);
        return { text, value: figure ? Number(figure[1].replace('−', '-').replaceAll(',', '')) : NaN };
      };
      const compare = (a, b) => {
        const [p, q] = [key(a), key(b)];
        if (!p.text || !q.text) return p.text ? -1 : q.text ? 1 : 0;
        const order = isNaN(p.value) || isNaN(q.value) ? p.text.localeCompare(q.text) : p.value - q.value;
        return down ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
`;

/** Added where a page has such a table: a head is a button that looks like a head. */
export const SORT_STYLE = `
.sortable th button{all:unset;cursor:pointer;font:inherit}
.sortable th button:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
.sortable th button::after{content:"\\2195";color:var(--muted);margin-left:.25rem;font-weight:400}
.sortable th[aria-sort=ascending] button::after{content:"\\2191"}.sortable th[aria-sort=descending] button::after{content:"\\2193"}
/* A head that is repeated on the next page is drawn without its buttons. */
@media print{.sortable th button{display:contents}.sortable th button::after{content:""}}
`;
